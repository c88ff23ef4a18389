import type { Instruction } from "@ebpf/asm";
import { linux } from "@ebpf/platform";
import { interpret, STACK_TOP, type StepState } from "@ebpf/runtime";
import type { FuzzCase } from "../fuzz-case.js";
import { prepare, steadyRuntime } from "./machine.js";

/*
 * A local call leaves r1..r5 of its caller undefined, and its callee finds r0 and r6..r9 undefined; a callback those of r1..r5
 * that its helper doesn't pass as well. What an engine has there
 * is its own business: no accepted program reads it.
 */

const ARGUMENTS = [1, 2, 3, 4, 5];
const KEPT = [6, 7, 8, 9];

/** Registers that an instruction reads. */
const readsOf = ({ op, dst, src, imm }: Instruction): readonly number[] => {
  switch (op.family) {
    case "alu": {
      const source = op.operand === "reg" ? [src] : [];
      return op.operator === "mov" || op.operator === "movsx" ? source : [dst, ...source];
    }
    case "load":
      return op.mode === "abs" ? [] : [src];
    case "store":
      return op.operand === "reg" ? [dst, src] : [dst];
    case "atomic":
      if (op.operator === "load_acquire") return [src];
      return op.operator === "cmpxchg" ? [dst, src, 0] : [dst, src];
    case "jump":
      return [...(op.uses.includes("dst") ? [dst] : []), ...(op.operand === "reg" ? [src] : [])];
    case "call":
      if (op.target === "local") return [];
      return ARGUMENTS.slice(0, op.target === "helper" ? linux.helpers.get(imm)?.arguments.length : 5);
    case "exit":
      return [0];
    default:
      return [];
  }
};

/** The register that an instruction sets. */
const writeOf = ({ op, dst, src }: Instruction): number | undefined => {
  switch (op.family) {
    case "alu":
    case "lddw":
      return dst;
    case "load":
      return op.mode === "mem" ? dst : 0;
    case "atomic":
      if (op.operator === "load_acquire") return dst;
      if (!op.fetch) return undefined;
      return op.operator === "cmpxchg" ? 0 : src;
    case "call":
      return 0;
    default:
      return undefined;
  }
};

/** Follows which registers are defined while a program runs. */
class Definedness {
  readsUndefined = false;
  readonly #instructions: readonly Instruction[];
  readonly #waiting: (readonly boolean[])[] = [];
  #defined: boolean[] = new Array<boolean>(11).fill(true);
  #lastPc: number | undefined;
  #lastFrame = STACK_TOP;

  constructor(instructions: readonly Instruction[]) {
    this.#instructions = instructions;
  }

  onStep(pc: number, { frame }: StepState): void {
    if (frame < this.#lastFrame) this.#enter();
    else if (frame > this.#lastFrame) this.#leave();
    else this.#write();
    this.#lastFrame = frame;
    this.#lastPc = pc;
    if (readsOf(this.#instructions[pc]!).some((register) => !this.#defined[register])) this.readsUndefined = true;
  }

  #write(): void {
    const register = this.#lastPc === undefined ? undefined : writeOf(this.#instructions[this.#lastPc]!);
    if (register !== undefined) this.#defined[register] = true;
  }

  #enter(): void {
    this.#waiting.push(this.#defined.slice());
    for (const register of [0, ...KEPT]) this.#defined[register] = false;
    const caller = this.#instructions[this.#lastPc!]!;
    if (caller.op.name !== "call") return;
    // A helper calls back with as many arguments as its prototype says.
    const given = linux.helpers.get(caller.imm)?.callback?.length ?? 0;
    for (const register of ARGUMENTS) this.#defined[register] = register <= given;
  }

  #leave(): void {
    const caller = this.#waiting.pop();
    for (const register of KEPT) this.#defined[register] = caller?.[register] ?? true;
    for (const register of ARGUMENTS) this.#defined[register] = false;
  }
}

/** True when a run reads a register that a local call left undefined. */
export const readsWhatCallsLeave = (fuzzCase: FuzzCase): boolean => {
  const registers = new Definedness(fuzzCase.spec.instructions);
  const runtime = steadyRuntime();
  const { program } = prepare(fuzzCase, runtime, {
    engine: (spec, where, options) =>
      interpret(spec, where, { ...options, onStep: (pc, state) => registers.onStep(pc, state) }),
    checked: true,
  });
  try {
    runtime.run(program, fuzzCase.input);
  } catch {
    // How the run ends doesn't matter here.
  }
  return registers.readsUndefined;
};
