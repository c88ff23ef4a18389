import {
  type AluOperation,
  findOperation,
  type Instruction,
  type JumpOperation,
  type LoadOperation,
  type OperationOf,
  type Size,
  targetOf,
} from "@ebpf/asm";
import type { ProgramSpec } from "@ebpf/platform";
import { RuntimeFault } from "../errors.js";
import { DEFAULT_BUDGET, type Executable, type ExecutionOptions } from "../executable.js";
import { entryCost, loopCost } from "../functions.js";
import { CELL } from "../layout.js";
import { loadFromPacket } from "../packet-load.js";
import { ProgramHost } from "../program-host.js";
import type { Runtime } from "../runtime.js";
import { aluStep } from "./alu.js";
import { atomicStep } from "./atomic.js";
import { functionCallStep, registerCallStep } from "./call.js";
import { compareStep } from "./jump.js";
import { loadStep, type Place, storeStep } from "./load-store.js";
import { Machine } from "./machine.js";
import { pairOf, type Step } from "./step.js";

/** What can be seen of an interpreted program before an instruction; it changes with the next one. */
export interface StepState {
  /** The end of the current stack frame. */
  readonly frame: number;
  /** The unsigned value of a register. */
  register(index: number): bigint;
}

export interface InterpreterOptions extends ExecutionOptions {
  /** Called before each instruction, for tools that watch a run. */
  readonly onStep?: (pc: number, state: StepState) => void;
}

/**
 * Makes a program ready to be interpreted in a runtime.
 *
 * @throws RuntimeError `BAD_PROGRAM` for a program that no engine can take, `UNKNOWN_MAP` for a reference to a map that
 * is not there, and what creating the program's maps throws.
 */
export const interpret = (spec: ProgramSpec, runtime: Runtime, options: InterpreterOptions): Executable => {
  const host = new ProgramHost(runtime, spec, options);
  const machine = new Predecoder(host).machine;
  if (options.onStep !== undefined) traceSteps(machine, spec.instructions, options.onStep);
  return {
    spec,
    budget: options.budget ?? DEFAULT_BUDGET,
    enter: (r1, r2, frame) => machine.enter(r1, r2, frame),
  };
};

/** Puts a call of `onStep` before every instruction; programs that nobody watches run as fast as ever. */
const traceSteps = (
  machine: Machine,
  instructions: readonly Instruction[],
  onStep: (pc: number, state: StepState) => void,
): void => {
  instructions.forEach(({ op }, pc) => {
    if (op.family === "lddw-tail") return;
    const step = machine.steps[pc]!;
    machine.steps[pc] = () => {
      onStep(pc, machine);
      return step();
    };
  });
};

/** Turns a program's instructions into the steps of a machine. */
class Predecoder {
  readonly machine: Machine;
  readonly #host: ProgramHost;
  readonly #instructions: readonly Instruction[];
  readonly #steps: Step[];

  constructor(host: ProgramHost) {
    this.#host = host;
    this.#instructions = host.spec.instructions;
    this.machine = new Machine(host.runtime.memory, this.#instructions.length);
    this.#steps = this.machine.steps;
    // One step behind the last slot catches programs that run off their end; further steps are appended behind it.
    for (let pc = 0; pc <= this.#instructions.length; pc++) this.#steps.push(badInstruction(pc));
    this.#instructions.forEach((slot, pc) => {
      this.#steps[pc] = this.#stepOf(slot, pc);
    });
    host.setCallback((pc, frame, words) => this.machine.callback(pc, frame, words));
  }

  #stepOf(slot: Instruction, pc: number): Step {
    const { cells } = this.machine;
    const { op } = slot;
    const dst = pairOf(slot.dst);
    const next = pc + 1;
    switch (op.family) {
      case "alu":
        return aluStep(op, cells, dst, this.#source(op, slot), next);
      case "load":
        return op.mode === "mem" ? this.#load(op, slot, pc) : this.#packetLoad(op, slot, pc);
      case "store": {
        const place = { base: dst, offset: slot.offset };
        const step = storeStep(op.size, [this.machine.memory.view, cells], [this.#source(op, slot), place], next);
        return this.#checked(step, pc, place, { size: op.size, write: true });
      }
      case "atomic": {
        const operands = { dst, src: pairOf(slot.src), offset: slot.offset };
        const step = atomicStep(op, [this.machine.memory.view, cells], operands, next);
        const loads = op.operator === "load_acquire";
        const place = { base: loads ? operands.src : dst, offset: slot.offset };
        return this.#checked(step, pc, place, { size: op.size, write: !loads });
      }
      case "jump":
        return this.#jump(op, slot, pc);
      case "call":
        return this.#call(op, slot, pc);
      case "exit":
        return () => this.machine.exit();
      case "lddw":
        return this.#wide(op, slot, pc);
      case "lddw-tail":
      case "raw":
        return badInstruction(pc);
    }
  }

  /** The pair of the second operand: a register or a constant, sign-extended to 64 bits. */
  #source(op: { readonly operand: "imm" | "reg" | "none" }, slot: Instruction): number {
    return op.operand === "imm" ? this.machine.constant(slot.imm, slot.imm >> 31) : pairOf(slot.src);
  }

  /** In checked mode, puts the check of an access before its step. */
  #checked(step: Step, pc: number, place: Place, access: { readonly size: Size; readonly write: boolean }): Step {
    if (!this.#host.checked) return step;
    const host = this.#host;
    const { machine } = this;
    const { cells } = machine;
    return () => {
      // Exact wherever it matters: a sum that a double cannot hold is far outside of the memory.
      const sum = cells[place.base + 1]! * 2 ** 32 + (cells[place.base]! >>> 0) + place.offset;
      const address = [sum | 0, Math.floor(sum / 2 ** 32)] as const;
      host.checkAccess(address, access, { pc, frame: machine.frame });
      return step();
    };
  }

  #load(op: LoadOperation, slot: Instruction, pc: number): Step {
    const place = { base: pairOf(slot.src), offset: slot.offset };
    const { memory, cells } = this.machine;
    const step = loadStep(op, [memory.view, cells], [pairOf(slot.dst), place], pc + 1);
    return this.#checked(step, pc, place, { size: op.size, write: false });
  }

  #packetLoad(op: LoadOperation, slot: Instruction, pc: number): Step {
    const { machine } = this;
    const { memory, cells } = machine;
    const index = op.mode === "ind" ? pairOf(slot.src) : machine.constant(0, 0);
    return () => {
      cells[0] = loadFromPacket(memory, (cells[index]! + slot.imm) | 0, op.size);
      cells[1] = 0;
      return memory.cell(CELL.resultHigh) === 0 ? pc + 1 : machine.exit();
    };
  }

  #jump(op: JumpOperation, slot: Instruction, pc: number): Step {
    if (op.operator === "gotox") return this.#computedJump(slot, pc);
    const { machine } = this;
    const target = targetOf(slot, pc)!;
    const taken = this.#landing(target, loopCost(pc, target), pc);
    const next = pc + 1;
    if (op.operator === "always") return () => taken;
    if (op.operator === "may_goto") return () => (machine.mayGoto-- > 0 ? next : this.#exhausted(taken));
    const { cells } = machine;
    return compareStep(
      { operator: op.operator, width: op.width },
      [cells, pairOf(slot.dst), this.#source(op, slot)],
      taken,
      next,
    );
  }

  /** A `may_goto` whose count is used up always jumps. */
  #exhausted(taken: number): number {
    this.machine.mayGoto = 0;
    return taken;
  }

  /** The step to go to for slot `target`: the slot's own, or one that charges the budget first. */
  #landing(target: number, cost: number, pc: number): number {
    const inside = target >= 0 && target < this.#instructions.length ? target : this.#instructions.length;
    if (cost === 0 || !this.#host.checked) return inside;
    this.#steps.push(() => {
      this.#charge(cost, pc);
      return inside;
    });
    return this.#steps.length - 1;
  }

  #charge(cost: number, pc: number): void {
    if (this.#host.checked) this.#host.runtime.charge(cost, pc);
  }

  #computedJump(slot: Instruction, pc: number): Step {
    const { cells } = this.machine;
    const pair = pairOf(slot.dst);
    const slots = this.#instructions.length;
    return () => {
      const target = cells[pair]! >>> 0;
      if (cells[pair + 1] !== 0 || target >= slots) {
        throw new RuntimeFault("BAD_INSTRUCTION", "gotox to no instruction", pc);
      }
      this.#charge(loopCost(pc, target), pc);
      return target;
    };
  }

  #call(op: OperationOf<"call">, slot: Instruction, pc: number): Step {
    const site = { machine: this.machine, host: this.#host, pc, next: pc + 1 };
    switch (op.target) {
      case "helper":
        return functionCallStep(site, this.#host.helper(slot.imm));
      case "kfunc":
        return functionCallStep(site, this.#host.kfunc(slot.imm));
      case "register":
        return registerCallStep(site, pairOf(slot.dst));
      case "local": {
        const { machine } = this;
        const target = targetOf(slot, pc)!;
        const entry = this.#landing(
          target,
          entryCost(this.#host.functionStarts, target, this.#instructions.length),
          pc,
        );
        return () => {
          machine.call(pc + 1, pc);
          return entry;
        };
      }
    }
  }

  #wide(op: OperationOf<"lddw">, slot: Instruction, pc: number): Step {
    const value = this.#host.wideValue(pc, op.meaning);
    if (value === undefined) {
      return () => {
        throw new RuntimeFault("UNSUPPORTED_INSTRUCTION", "the address of a kernel symbol is not known here", pc);
      };
    }
    const { cells } = this.machine;
    return aluStep(MOVE, cells, pairOf(slot.dst), this.machine.constant(...value), pc + 2);
  }
}

/** LD_IMM64 is a move of a constant. */
const MOVE = findOperation("mov64_reg") as AluOperation;

const badInstruction =
  (pc: number): Step =>
  () => {
    throw new RuntimeFault("BAD_INSTRUCTION", "no instruction that can be executed", pc);
  };
