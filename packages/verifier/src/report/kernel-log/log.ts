import { formatInstruction, slotsOf, type WideMeaning } from "@ebpf/asm";
import { assertNever } from "@ebpf/core";
import { type LineInfo, linux, type Platform, type ProgramSpec } from "@ebpf/platform";
import type { Program } from "../../program/program.js";
import type { Marks } from "../../state/marks.js";
import type { State } from "../../state/state.js";
import { lineAt } from "../diagnostic.js";
import type { FlowEvent, WalkEmit, WalkEvent } from "../events.js";
import type { Statistics } from "../report.js";
import { formatLiveness, formatPrecision } from "./analysis.js";
import { Output } from "./output.js";
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

/** Loads that have the address of a kernel object in a kernel, which prints 0 to those who may not know it. */
const ADDRESSES: readonly WideMeaning[] = ["map", "map_value", "map_index", "map_index_value", "ksym"];
const NO_ADDRESS = "0x0";

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
      case "functions":
        if (!this.detailed) return;
        for (const { index, start } of event.subprograms) this.out.print(`func#${index} @${start}\n`);
        return;
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
        this.out.print(`${event.message}${UNENDED.test(event.message) ? "" : "\n"}${this.afterMessage}`);
        return;
      case "end":
        this.end(event.statistics);
        return;
      case "precision":
        if (this.detailed) this.out.print(`${formatPrecision(event, (pc) => this.instructionText(pc))}\n`);
        return;
      case "liveness":
      case "slots":
        if (this.detailed) this.out.print(`${formatLiveness(event)}\n`);
        return;
      default:
        this.flow(event);
    }
  }

  private begin(program: Program): void {
    if (!this.detailed) return;
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
      helperName: (id) => (id === 0 ? "bpf_unspec" : this.platform.helpers.get(id)?.name),
      relocation: (at) => {
        const { op } = instructions[at]!;
        return op.family === "lddw" && ADDRESSES.includes(op.meaning) ? NO_ADDRESS : undefined;
      },
    });
  }

  private stateText(state: State, parts?: StateParts): string {
    return formatState(state, state.frames.length - 1, parts);
  }

  private flow(event: FlowEvent): void {
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
        if (this.detailed) this.out.print(`SCC ${event.step} (${formatLoop(event.key)})\n`);
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
}

/** The call sites that lead to a loop, up to one at 0, which Linux takes for none, and the loop. */
const formatLoop = (key: string): string => {
  const callSites = key.split(",");
  const component = callSites.pop()!;
  const none = callSites.indexOf("0");
  return [...(none < 0 ? callSites : callSites.slice(0, none)), component].join(",");
};

/** Messages behind which Linux forgets the line break. */
const UNENDED = /^(expected prog array map for tail call|more than one arg with ref_obj_id .*)$/;

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
