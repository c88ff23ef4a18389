import type { Instruction } from "@ebpf/asm";
import { CELL, type FaultCode, type ProgramHost } from "@ebpf/runtime";
import type { Code } from "../wasm/code.js";
import type { FunctionReference, ModuleBuilder } from "../wasm/module.js";

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
  /** Checks an access; absent when nothing is checked. */
  readonly check: FunctionReference | undefined;
}

/** Parameters of a compiled function: r1..r5, and the end of its stack frame. */
export const FUNCTION_PARAMETERS = ["i64", "i64", "i64", "i64", "i64", "i32"] as const;
const FRAME = 5;

/** What the lowering of one function's instructions shares: its code, its locals, the program's surroundings. */
export class FunctionWriter {
  readonly code: Code;
  readonly host: ProgramHost;
  readonly program: ProgramFunctions;
  /** Parameter with the end of the stack frame; r10 may be overwritten by an unverified program. */
  readonly frame = FRAME;
  /** Scratch locals, whose values don't outlive an instruction. */
  readonly wide: number;
  readonly word: number;
  readonly address: number;
  /** What a routing block selects, and the slot that a computed jump goes to. */
  readonly selector: number;
  readonly slot: number;
  /** How often `may_goto` still falls through. */
  readonly mayGoto: number;
  readonly #registers: readonly number[];

  constructor(code: Code, host: ProgramHost, program: ProgramFunctions) {
    this.code = code;
    this.host = host;
    this.program = program;
    const others = Array.from({ length: 6 }, () => code.local("i64"));
    this.#registers = [others[0]!, 0, 1, 2, 3, 4, ...others.slice(1)];
    this.wide = code.local("i64");
    this.word = code.local("i32");
    this.address = code.local("i32");
    this.selector = code.local("i32");
    this.slot = code.local("i32");
    this.mayGoto = code.local("i32");
  }

  /** Leaves a register on the stack. */
  get(register: number): Code {
    return this.code.get(this.#registers[register]!);
  }

  /** Leaves the low half of a register on the stack. */
  getLow(register: number): Code {
    return this.get(register).op("i32.wrap_i64");
  }

  /** Leaves the high half of a register on the stack. */
  getHigh(register: number): Code {
    return this.get(register).i64(32).op("i64.shr_u", "i32.wrap_i64");
  }

  /** Takes a register's value from the stack. */
  set(register: number): Code {
    return this.code.set(this.#registers[register]!);
  }

  /** Leaves the second operand on the stack: a register, or the immediate sign-extended. */
  source({ src, imm }: Instruction, operand: "imm" | "reg" | "none"): Code {
    return operand === "imm" ? this.code.i64(imm) : this.get(src);
  }

  /** The same, its low half. */
  sourceLow({ src, imm }: Instruction, operand: "imm" | "reg" | "none"): Code {
    return operand === "imm" ? this.code.i32(imm) : this.getLow(src);
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
