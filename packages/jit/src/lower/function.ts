import type { Instruction } from "@ebpf/asm";
import { CELL, type FaultCode, FRAME_SIZE, type ProgramHost, STACK_LIMIT } from "@ebpf/runtime";
import type { Step, SwitchValue } from "../cfg/graph.js";
import { DEMAND, type Demand, isPure, writtenBy } from "../flow/effects.js";
import { type Flow, type Form, formOf } from "../flow/flow.js";
import { REGISTERS } from "../flow/inline.js";
import { immediate, type Range, UNKNOWN } from "../flow/range.js";
import { type RegisterRanges, stepRanges } from "../flow/ranges.js";
import type { MapOperations } from "../inline/map-operations.js";
import type { Code, LinePlace } from "../wasm/code.js";
import type { FunctionReference, ModuleBuilder, Signature } from "../wasm/module.js";

/** Faults that compiled code raises itself, by the number it passes. */
export const FAULTS = [
  "BAD_INSTRUCTION",
  "BUDGET_EXCEEDED",
  "CALL_DEPTH",
  "UNSUPPORTED_INSTRUCTION",
] as const satisfies readonly FaultCode[];

export type RaisedFault = (typeof FAULTS)[number];

/** Functions of the module that lowered code may call. */
export interface ProgramFunctions {
  readonly module: ModuleBuilder;
  /** The function that begins at a slot. */
  readonly at: (start: number) => FunctionReference;
  /** Whatever a helper may call back has to be there from now on. */
  readonly expectCallbacks: () => void;
  /** What the program's maps do, as functions of the module. */
  readonly operations: MapOperations;
  /** Checks an access; absent when nothing is checked. */
  readonly check: FunctionReference | undefined;
  /** The line of the source that a slot comes from; absent when code is not to say so. */
  readonly lineAt?: (pc: number) => LinePlace | undefined;
}

/**
 * How a compiled function is called. Its parameters are registers from r1 on, and the end of the stack frame as the last
 * one. Its result is r0: all of it, or its low word while the high one goes to `CELL.resultHigh`.
 */
export interface Convention extends Signature {
  readonly results: readonly ["i64" | "i32"];
  /** That the high word of r0 is known to be 0, and isn't left anywhere. */
  readonly isWord?: boolean;
}

/** How a program's functions call each other. */
export const AMONG_FUNCTIONS = {
  parameters: ["i64", "i64", "i64", "i64", "i64", "i32"],
  results: ["i64"],
} as const satisfies Convention;

/** How a program is entered from outside: with the words r1 and r2. */
export const FROM_OUTSIDE = { parameters: ["i32", "i32", "i32"], results: ["i32"] } as const satisfies Convention;

const WIDE = 1;

/** What a function is written with. */
interface Surroundings extends Pick<FunctionWriter, "host" | "program" | "flow"> {
  readonly convention: Convention;
}

/** Whether a step gives the same number each time, and does nothing else. */
const isConstant = (step: Step, { low, high }: Range): boolean =>
  low === high && (isPure(step) || step.slot.op.family === "call");

/**
 * What the lowering of one function's instructions shares: its code, its locals, the program's surroundings, and what
 * is known where the next instruction is written.
 *
 * A register lives in an i64 local, or in an i32 local where a `Flow` says that its low word is enough.
 */
export class FunctionWriter {
  readonly code: Code;
  readonly host: ProgramHost;
  readonly program: ProgramFunctions;
  readonly flow: Flow | undefined;
  /** Parameter with the end of the stack frame; r10 may be overwritten by an unverified program. */
  readonly frame: number;
  /** Scratch locals, whose values don't outlive an instruction. */
  readonly wide: number;
  readonly word: number;
  readonly address: number;
  /** What a routing block selects, and the slot that a computed jump goes to. */
  readonly selector: number;
  readonly slot: number;
  /** How often `may_goto` still falls through. */
  readonly mayGoto: number;
  /** Virtual register that is r0 of the function that the instruction stands in. */
  base = 0;
  /** The form in which the result of the instruction is to be left. */
  result: Form = "wide";
  readonly #convention: Convention;
  readonly #wideLocals: number[];
  readonly #narrowLocals: number[];
  /** Which registers are wide here. */
  #forms: Uint8Array;
  /** What is known of the registers here. */
  #ranges: RegisterRanges | undefined;

  constructor(code: Code, { host, program, flow, convention }: Surroundings) {
    this.code = code;
    this.host = host;
    this.program = program;
    this.flow = flow;
    this.#convention = convention;
    const { parameters } = convention;
    const count = flow?.registers ?? REGISTERS;
    this.frame = parameters.length - 1;
    code.name(this.frame, "frame");
    this.#wideLocals = Array.from({ length: count }, (_, register) => {
      const parameter = register - 1;
      if (parameter >= this.frame || parameters[parameter] !== "i64") return code.local("i64", `r${register}`);
      code.name(parameter, `r${register}`);
      return parameter;
    });
    const narrow = flow === undefined ? 0 : count;
    this.#narrowLocals = Array.from({ length: narrow }, (_, register) => code.local("i32", `r${register}_low`));
    this.#forms = new Uint8Array(count).fill(WIDE);
    this.wide = code.local("i64");
    this.word = code.local("i32");
    this.address = code.local("i32");
    this.selector = code.local("i32");
    this.slot = code.local("i32");
    this.mayGoto = code.local("i32");
  }

  /** Brings the parameters and r10 into the forms that the first block expects. */
  begin(): void {
    const { code, frame } = this;
    this.#convention.parameters.forEach((type, parameter) => {
      const register = parameter === frame ? 10 : parameter + 1;
      const wanted = this.#wantsWide(0, register) ? "i64" : "i32";
      if (wanted === "i64" && type === "i64") return;
      code.get(parameter);
      if (wanted === "i64") code.op("i64.extend_i32_u").set(this.#wideLocals[register]!);
      else if (type === "i64") code.op("i32.wrap_i64").set(this.#narrowLocals[register]!);
      else code.set(this.#narrowLocals[register]!);
    });
  }

  #wantsWide(block: number, register: number): boolean {
    return this.flow === undefined || this.flow.wide[block]![register] === WIDE;
  }

  /** From here on the instructions of this block are written. */
  enterBlock(id: number): void {
    if (this.flow === undefined) return;
    this.#forms = this.flow.wide[id]!.slice();
    this.#ranges = this.flow.ranges[id]!.slice();
  }

  /** Writes a step with `lower`; `demand` is how much is wanted of what it writes. */
  step(step: Step, demand: Demand, lower: (writer: FunctionWriter, step: Step) => void): void {
    const ranges = this.#ranges;
    this.base = step.base;
    this.mark(step);
    if (this.flow === undefined || ranges === undefined) {
      lower(this, step);
      return;
    }
    if (demand === DEMAND.none && isPure(step)) {
      stepRanges(step, ranges, this.flow.knowledge);
      return;
    }
    const after = ranges.slice();
    stepRanges(step, after, this.flow.knowledge);
    const written = writtenBy(step);
    if (written !== -1) this.result = formOf(after[written]!, demand);
    if (written !== -1 && isConstant(step, after[written]!)) this.#setNumber(written, after[written]!.low);
    else lower(this, step);
    this.#ranges = after;
  }

  /** Leaves a number in a register. */
  #setNumber(register: number, value: number): void {
    const high = Math.floor(value / 2 ** 32);
    if (high === 0 || this.result === "narrow") {
      this.code.i32(value | 0);
      this.setLow(register);
    } else {
      this.code.i64(value | 0, high);
      this.set(register);
    }
  }

  /** What is written from here on comes from this step. */
  mark({ pc }: Step): void {
    const place = this.program.lineAt?.(pc);
    if (place !== undefined) this.code.mark(place);
  }

  /** Faults when there is no frame left for a function that is about to be called. */
  requireFrame(pc: number): void {
    this.code
      .get(this.frame)
      .i32(STACK_LIMIT + 2 * FRAME_SIZE)
      .op("i32.lt_u")
      .open("if");
    this.fault("CALL_DEPTH", pc);
    this.code.op("end");
  }

  /** Fills the wide locals of the registers that some way onward wants wide. */
  leaveBlock(targets: readonly number[]): void {
    const { flow } = this;
    if (flow === undefined) return;
    for (let register = 0; register < flow.registers; register++) {
      if (this.#forms[register] === WIDE) continue;
      const wanted = targets.some((to) => flow.wide[to]![register] === WIDE && flow.demand[to]![register] !== 0);
      if (wanted) this.get(register).set(this.#wideLocals[register]!);
    }
  }

  /** What is known of a register's value. */
  range(register: number): Range {
    return this.#ranges?.[register] ?? UNKNOWN;
  }

  /** What is known of the second operand. */
  sourceRange({ src, imm }: Instruction, operand: "imm" | "reg" | "none"): Range {
    return operand === "imm" ? immediate(imm) : this.range(src);
  }

  /** Leaves a register on the stack. */
  get(register: number): Code {
    if (this.#forms[register] === WIDE) return this.code.get(this.#wideLocals[register]!);
    return this.code.get(this.#narrowLocals[register]!).op("i64.extend_i32_u");
  }

  /** Leaves the low half of a register on the stack. */
  getLow(register: number): Code {
    if (this.#forms[register] !== WIDE) return this.code.get(this.#narrowLocals[register]!);
    return this.code.get(this.#wideLocals[register]!).op("i32.wrap_i64");
  }

  /** Leaves the index of a switch on the stack. */
  pushSwitchValue({ register, low }: SwitchValue): void {
    this.getLow(register);
    if (low !== 0) this.code.i32(low).op("i32.sub");
  }

  /** Leaves the high half of a register on the stack. */
  getHigh(register: number): Code {
    if (this.#forms[register] !== WIDE) return this.code.i32(0);
    return this.get(register).i64(32).op("i64.shr_u", "i32.wrap_i64");
  }

  /** Takes the value of the register that the instruction writes from the stack. */
  set(register: number): Code {
    if (this.result === "narrow") return this.code.op("i32.wrap_i64").set(this.#narrow(register));
    return this.code.set(this.#wide(register));
  }

  /** The same for a zero-extended value of which the low half is on the stack. */
  setLow(register: number): Code {
    if (this.result === "narrow") return this.code.set(this.#narrow(register));
    return this.code.op("i64.extend_i32_u").set(this.#wide(register));
  }

  #narrow(register: number): number {
    this.#forms[register] = 0;
    return this.#narrowLocals[register]!;
  }

  #wide(register: number): number {
    this.#forms[register] = WIDE;
    return this.#wideLocals[register]!;
  }

  /** Leaves the second operand on the stack: a register, or the immediate sign-extended. */
  source({ src, imm }: Instruction, operand: "imm" | "reg" | "none"): Code {
    return operand === "imm" ? this.code.i64(imm) : this.get(src);
  }

  /** The same, its low half. */
  sourceLow({ src, imm }: Instruction, operand: "imm" | "reg" | "none"): Code {
    return operand === "imm" ? this.code.i32(imm) : this.getLow(src);
  }

  /** Ends the function with a register as its result. */
  exit(register: number): void {
    const { results, isWord } = this.#convention;
    if (results[0] === "i64") {
      this.get(register).op("return");
      return;
    }
    if (isWord !== true) {
      this.code.i32(0);
      this.getHigh(register).memory("i32.store", CELL.resultHigh);
    }
    this.getLow(register).op("return");
  }

  /** Ends the function with a result whose low word is on the stack, and the high one in its cell. */
  exitWithResult(): void {
    if (this.#convention.results[0] === "i64") this.joinResult();
    this.code.op("return");
  }

  /** Ends the run with a fault. */
  fault(code: RaisedFault, pc: number): void {
    const raise = this.program.module.import("fault", ["i32", "i32"], []);
    this.code.i32(FAULTS.indexOf(code)).i32(pc).call(raise).op("unreachable");
  }

  /** In checked mode, takes `cost`, which `push` leaves on the stack, off the budget. */
  charge(push: () => void, pc: number): void {
    if (!this.host.checked) return;
    const { code } = this;
    code.i32(0).i32(0).memory("i32.load", CELL.budget);
    push();
    code.op("i32.sub").tee(this.word).memory("i32.store", CELL.budget);
    code.get(this.word).i32(0).op("i32.lt_s").open("if");
    this.fault("BUDGET_EXCEEDED", pc);
    code.op("end");
  }

  /** In checked mode, leaves the cells that helpers check and report with. */
  announce(pc: number): void {
    if (!this.host.checked) return;
    this.code.i32(0).i32(pc).memory("i32.store", CELL.pc);
    this.code.i32(0).get(this.frame).memory("i32.store", CELL.frame);
  }

  /** Makes 64 bits of the low word on the stack and the high word in its cell. */
  joinResult(): Code {
    return this.code
      .op("i64.extend_i32_u")
      .i32(0)
      .memory("i64.load32_u", CELL.resultHigh)
      .i64(32)
      .op("i64.shl", "i64.or");
  }
}
