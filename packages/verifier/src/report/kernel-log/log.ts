import { formatInstruction, slotsOf, type WideMeaning } from "@ebpf/asm";
import { assertNever } from "@ebpf/core";
import { type LineInfo, linux, type Platform, type ProgramSpec } from "@ebpf/platform";
import type { Program } from "../../program/program.js";
import type { Marks } from "../../state/marks.js";
import { SLOT_BYTES } from "../../state/stack.js";
import type { State } from "../../state/state.js";
import { lineAt } from "../diagnostic.js";
import type { LivenessEvent, PrecisionEvent, WalkEmit, WalkEvent } from "../events.js";
import type { Statistics } from "../report.js";
import { formatState, type StateParts } from "./state.js";

/*
 * The walk's events as the log that Linux 6.18 writes, so that people's knowledge and log viewers work. Each instruction
 * is followed by what it touched, on the same line where nothing else was printed between.
 */

export interface KernelLogOptions {
  /**
   * 1, the default: the instructions of the path that led to a rejection; nothing but the statistics when there was none.
   * 2: all paths, and what was found out about precision and liveness.
   */
  readonly level?: 1 | 2;
  /** Where helpers get their names from; Linux by default. */
  readonly platform?: Platform;
}

/** Where states stand on an instruction's line. */
const STATE_COLUMN = 40;
const TAB = 8;

/** Spaces up to the `;`, for a line of `length` characters. */
const gap = (length: number): string => {
  const used = length + 1;
  return " ".repeat(Math.ceil(Math.max(used + TAB / 2, STATE_COLUMN) / TAB) * TAB - used - 1);
};

/** Loads that have the address of a kernel object in a kernel, which prints 0 to those who may not know it. */
const ADDRESSES: readonly WideMeaning[] = ["map", "map_value", "map_index", "map_index_value", "ksym"];
const NO_ADDRESS = "0x0";

const formatRegisters = (registers: number): string => {
  const names: string[] = [];
  for (let register = 0; register <= 10; register++) if (registers & (1 << register)) names.push(`r${register}`);
  return names.join(",");
};

const formatSlots = (slots: readonly number[]): string => slots.map((slot) => -SLOT_BYTES * (slot + 1)).join(",");

/** What was written, as far as it may be taken back. */
class Output {
  private readonly write: (text: string) => void;
  /** Level 1 takes back what paths wrote that ended well, so it writes only at the end. */
  private readonly kept: string[] | undefined;
  /** An instruction's line that isn't ended yet. */
  private open: string | undefined;

  constructor(write: (text: string) => void, keep: boolean) {
    this.write = write;
    this.kept = keep ? [] : undefined;
  }

  get length(): number {
    this.endLine();
    return this.kept?.length ?? 0;
  }

  print(text: string): void {
    this.endLine();
    this.put(text);
  }

  /** Begins an instruction's line, which a state may still be added to. */
  instruction(text: string): void {
    this.endLine();
    this.open = text;
  }

  /** Adds a state to the line of the last instruction, or begins a line with `alone`. */
  state(text: string, alone: string): void {
    if (this.open === undefined) this.put(`${alone}${text}\n`);
    else this.put(`${this.open}${gap(this.open.length)};${text}\n`);
    this.open = undefined;
  }

  /** Takes back what was written after the first `length` pieces, where it can be. */
  takeBack(length: number): void {
    if (this.kept === undefined) return;
    this.open = undefined;
    this.kept.length = length;
  }

  flush(): void {
    this.endLine();
    for (const text of this.kept ?? []) this.write(text);
    if (this.kept !== undefined) this.kept.length = 0;
  }

  private endLine(): void {
    if (this.open !== undefined) this.put(`${this.open}\n`);
    this.open = undefined;
  }

  private put(text: string): void {
    if (this.kept === undefined) this.write(text);
    else this.kept.push(text);
  }
}

class KernelLog {
  private readonly out: Output;
  private readonly spec: ProgramSpec;
  private readonly platform: Platform;
  private readonly detailed: boolean;
  /** Lengths of the log where paths were put off. */
  private readonly putOff: number[] = [];
  /** A path was taken up, and its state is to be printed. */
  private takenUpFrom: number | undefined;
  private line: LineInfo | undefined;
  private rejected = false;
  /** What belongs behind the message of the rejection that comes next. */
  private afterMessage = "";
  /** Up to here, nothing is taken back. */
  private settled = 0;
  /** The state as a whole is news. */
  private allTouched = true;

  constructor(spec: ProgramSpec, write: (text: string) => void, { level = 1, platform = linux }: KernelLogOptions) {
    this.spec = spec;
    this.platform = platform;
    this.detailed = level === 2;
    this.out = new Output(write, !this.detailed);
  }

  handle(event: WalkEvent): void {
    switch (event.kind) {
      case "begin":
        this.begin(event.program);
        return;
      case "instruction":
        this.instruction(event.pc, event.state, event.touched);
        return;
      case "compared":
        if (!event.touched.isEmpty) this.touched(event.state, event.touched, event.pc);
        return;
      case "put off":
        if (!this.detailed) this.putOff.push(this.out.length);
        return;
      case "branch":
        this.takeUp(event.from);
        return;
      case "pruned":
        this.pruned(event.pc, event.from);
        return;
      case "rejected":
        this.rejected = true;
        this.out.print(`${event.message}\n${this.afterMessage}`);
        return;
      case "end":
        this.end(event.statistics);
        return;
      case "precision":
        if (this.detailed) this.precision(event);
        return;
      case "liveness":
      case "slots":
        if (this.detailed) this.liveness(event);
        return;
      default:
        this.flow(event);
    }
  }

  private begin(program: Program): void {
    if (!this.detailed) return;
    for (const { index, start } of program.subprograms) this.out.print(`func#${index} @${start}\n`);
    this.out.print("Live regs before insn:\n");
    for (let pc = 0; pc < program.instructions.length; pc += slotsOf(program.instructions[pc]!)) {
      const component = program.components[pc]!;
      const loop = component === 0 ? "    " : `${`${component}`.padStart(3)} `;
      const live = Array.from({ length: 10 }, (_, register) => (program.live[pc]! & (1 << register) ? register : "."));
      this.out.print(`${loop}${`${pc}`.padStart(3)}: ${live.join("")} ${this.instructionText(pc)}\n`);
    }
  }

  private instruction(pc: number, state: State, touched: Marks): void {
    if (this.takenUpFrom !== undefined && this.detailed) {
      this.out.print(`\nfrom ${this.takenUpFrom} to ${pc}:${this.stateText(state)}\n`);
    }
    this.takenUpFrom = undefined;
    if (this.allTouched || !touched.isEmpty) this.touched(state, touched, pc);
    this.source(pc);
    this.out.instruction(`${pc}: ${this.instructionText(pc)}`);
  }

  private touched(state: State, touched: Marks, pc: number): void {
    this.out.state(this.stateText(state, { only: this.allTouched ? undefined : touched }), `${pc}:`);
    this.allTouched = false;
  }

  private takeUp(from: number): void {
    if (!this.detailed) this.out.takeBack(this.putOff.pop() ?? 0);
    this.takenUpFrom = from;
    this.allTouched = true;
  }

  private pruned(pc: number, from: number): void {
    this.out.print(this.takenUpFrom === undefined ? `${pc}: safe\n` : `\nfrom ${from} to ${pc}: safe\n`);
    this.takenUpFrom = undefined;
  }

  private end(statistics: Statistics): void {
    if (!this.rejected) this.out.takeBack(this.settled);
    const { processedInstructions, maxStatesPerInstruction, totalStates, peakStates } = statistics;
    const states = `total_states ${totalStates} peak_states ${peakStates}`;
    this.out.print(
      `processed ${processedInstructions} insns (limit 1000000) max_states_per_insn ${maxStatesPerInstruction} ${states} mark_read 0\n`,
    );
    this.out.flush();
  }

  /** The source line of an instruction, when it is another than the one printed last. */
  private source(pc: number): void {
    const line = lineAt(this.spec, pc);
    if (line === undefined || (line.file === this.line?.file && line.line === this.line.line)) return;
    this.line = line;
    this.out.print(`; ${line.text.trimStart()} @ ${line.file.replace(/^.*\//, "")}:${line.line}\n`);
  }

  private instructionText(pc: number): string {
    const { instructions } = this.spec;
    return formatInstruction(instructions, pc, {
      dialect: "kernel-log",
      helperName: (id) => this.platform.helpers.get(id)?.name,
      relocation: (at) => {
        const { op } = instructions[at]!;
        return op.family === "lddw" && ADDRESSES.includes(op.meaning) ? NO_ADDRESS : undefined;
      },
    });
  }

  private stateText(state: State, parts?: StateParts): string {
    return formatState(state, state.frames.length - 1, parts);
  }

  private flow(
    event: Exclude<
      WalkEvent,
      | { kind: "begin" | "instruction" | "compared" | "put off" | "branch" | "pruned" | "rejected" | "end" }
      | PrecisionEvent
      | LivenessEvent
    >,
  ): void {
    switch (event.kind) {
      case "call": {
        const top = event.state.frames.length - 1;
        this.out.print(`caller:\n${formatState(event.state, top - 1)}\ncallee:\n${formatState(event.state, top)}\n`);
        return;
      }
      case "return": {
        const top = event.state.frames.length - 1;
        const left = formatState(event.state, top);
        this.out.print(
          `returning from callee:\n${left}\nto caller at ${event.to}:\n${formatState(event.state, top - 1)}\n`,
        );
        // A tail call leaves a function too, but by no exit.
        if (this.spec.instructions[event.from]?.op.family === "exit") this.takenUpFrom = event.from;
        return;
      }
      case "global call":
        this.out.print(`Func#${event.callee.index} ('${event.callee.name}') is global and assumed valid.\n`);
        return;
      case "function":
        this.out.takeBack(this.settled);
        this.out.print(`Validating ${event.subprogram.name}() func#${event.subprogram.index}...\n`);
        this.allTouched = true;
        return;
      case "function safe": {
        const { name, index } = event.subprogram;
        this.out.takeBack(this.settled);
        this.out.print(`Func#${index} ('${name}') is safe for any args that match its prototype\n`);
        this.settled = this.out.length;
        return;
      }
      case "loop":
        if (this.detailed) this.out.print(`SCC ${event.step} (${event.key})\n`);
        return;
      case "rounds done":
        if (this.detailed) this.out.print(`frame${event.frame} bpf_loop iteration limit reached\n`);
        return;
      case "infinite loop": {
        const { current, old } = event;
        const before = this.stateText(old.state, { precise: old.precise });
        this.afterMessage = `cur state:${this.stateText(current)}\nold state:${before}\n`;
        return;
      }
      default:
        assertNever(event);
    }
  }

  private precision(event: PrecisionEvent): void {
    const { frame } = event;
    switch (event.step) {
      case "propagate": {
        const names = [
          formatRegisters(event.registers),
          event.slots.map((slot) => `fp${-SLOT_BYTES * (slot + 1)}`).join(","),
        ];
        this.out.print(`frame ${frame}: propagating ${names.filter((name) => name !== "").join(",")}\n`);
        return;
      }
      case "search":
        this.out.print(
          `mark_precise: frame${frame}: last_idx ${event.last} first_idx ${event.first} subseq_idx ${event.next} \n`,
        );
        return;
      case "back": {
        const wanted = `regs=${formatRegisters(event.registers)} stack=${formatSlots(event.slots)}`;
        this.out.print(
          `mark_precise: frame${frame}: ${wanted} before ${event.pc}: ${this.instructionText(event.pc)}\n`,
        );
        return;
      }
      case "stored": {
        const wanted = `regs=${formatRegisters(event.registers)} stack=${formatSlots(event.slots)}`;
        const state = formatState(event.stored.state, frame, { precise: event.stored.precise });
        this.out.print(`mark_precise: frame${frame}: parent state ${wanted}: ${state}\n`);
        return;
      }
      case "all":
        this.out.print(`mark_precise: frame${frame}: falling back to forcing all scalars precise\n`);
        return;
      case "force":
        this.out.print(`force_precise: frame${frame}: forcing ${event.name} to be precise\n`);
        return;
      default:
        assertNever(event);
    }
  }

  private liveness(event: LivenessEvent): void {
    const chain = `(${[...event.callSites, event.start].join(",")})`;
    if (event.kind === "liveness") {
      this.out.print(`${chain} live stack update done in ${event.rounds} iterations\n`);
      return;
    }
    const { name, frame, pc, added, removed } = event;
    const changes =
      (added.length === 0 ? "" : `+${name} ${formatSlots(added)} `) +
      (removed.length === 0 ? "" : `-${name} ${formatSlots(removed)}`);
    this.out.print(`${chain} frame ${frame} insn ${pc} ${changes}\n`);
  }
}

/**
 * Writes a walk's log as Linux 6.18 does: a sink for `onEvent` of `verify`.
 *
 * @param write gets the text piece by piece; at level 1 only when the walk has ended
 * @example
 * ```ts
 * verify(spec, { onEvent: kernelLog(spec, (text) => process.stdout.write(text), { level: 2 }) });
 * ```
 */
export const kernelLog = (
  spec: ProgramSpec,
  write: (text: string) => void,
  options: KernelLogOptions = {},
): WalkEmit => {
  const log = new KernelLog(spec, write, options);
  return (event) => log.handle(event);
};
