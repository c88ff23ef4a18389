import {
  type AluOperation,
  type AtomicOperation,
  type Instruction,
  type JumpOperation,
  type LoadOperation,
  type OperationOf,
  type Size,
  targetOf,
} from "@ebpf/asm";
import { RuntimeFault } from "../errors.js";
import { entryCost, loopCost } from "../functions.js";
import { CELL } from "../layout.js";
import { loadFromPacket } from "../packet-load.js";
import type { ProgramHost } from "../program-host.js";
import { atomicAction } from "./atomic.js";
import { type CallSite, functionCallAction, registerCallAction } from "./call.js";
import { FRAME, pairOf, R0 } from "./cells.js";
import { type Action, type Code, type CodeBuilder, EXIT } from "./code.js";
import { divisionAction } from "./division.js";
import type { Opcode } from "./opcode.js";

/** An operation whose operand is the index that slot `target` begins at, once that is known. */
interface Reference {
  readonly index: number;
  readonly target: number;
  /** What going there is charged. */
  readonly cost: number;
  /** Slot of the jump. */
  readonly pc: number;
}

/** What an access touches. */
interface Access {
  /** Pair of the base address. */
  readonly base: number;
  readonly offset: number;
  readonly size: Size;
  readonly write: boolean;
}

const fails =
  (makeFault: () => RuntimeFault): Action =>
  () => {
    throw makeFault();
  };

const badInstruction = (pc: number): Action =>
  fails(() => new RuntimeFault("BAD_INSTRUCTION", "no instruction that can be executed", pc));

/** Bits of a size in bytes, as operations are named. */
const BITS = { 1: 8, 2: 16, 4: 32, 8: 64 } as const;

/**
 * Translates a program into code. In checked mode every access has the action of its check in front of it, and jumps
 * back and calls go by way of a charge.
 *
 * @param trace when given, makes the action that is put in front of each slot
 * @throws RuntimeError `LIMIT` for a program that is too large, `UNKNOWN_MAP`
 */
export const translate = (
  host: ProgramHost,
  builder: CodeBuilder,
  trace?: (pc: number, next: number) => Action,
): Code => new Translator(host, builder).translate(trace);

class Translator {
  readonly #host: ProgramHost;
  readonly #code: CodeBuilder;
  readonly #instructions: readonly Instruction[];
  readonly #starts: Int32Array;
  readonly #references: Reference[] = [];

  constructor(host: ProgramHost, builder: CodeBuilder) {
    this.#host = host;
    this.#code = builder;
    this.#instructions = host.spec.instructions;
    this.#starts = new Int32Array(this.#instructions.length);
  }

  translate(trace?: (pc: number, next: number) => Action): Code {
    const code = this.#code;
    const slots = this.#instructions.length;
    const wideTails: number[] = [];
    this.#instructions.forEach((slot, pc) => {
      if (this.#instructions[pc - 1]?.op.family === "lddw") {
        wideTails.push(pc);
        return;
      }
      this.#starts[pc] = code.here;
      if (trace !== undefined) code.act(trace(pc, code.here + 2));
      this.#slot(slot, pc);
    });
    // Programs may run off their end, and those that nobody verified may jump into the middle of an LD_IMM64.
    const end = code.act(badInstruction(slots));
    for (const pc of wideTails) this.#starts[pc] = code.act(badInstruction(pc));
    for (const reference of this.#references) code.patch(reference.index, this.#landing(reference, end));
    return code.finish(this.#starts);
  }

  #slot(slot: Instruction, pc: number): void {
    const { op } = slot;
    switch (op.family) {
      case "alu":
        this.#alu(op, slot);
        break;
      case "load":
        if (op.mode === "mem") this.#load(op, slot, pc);
        else this.#packetLoad(op, slot);
        break;
      case "store":
        this.#store(op.size, this.#source(op, slot), slot, pc);
        break;
      case "atomic":
        this.#atomic(op, slot, pc);
        break;
      case "jump":
        this.#jump(op, slot, pc);
        break;
      case "call":
        this.#call(op, slot, pc);
        break;
      case "exit":
        this.#code.emit("exit", 0, 0);
        break;
      case "lddw":
        this.#wide(op, slot, pc);
        break;
      case "lddw-tail":
      case "raw":
        this.#code.act(badInstruction(pc));
    }
  }

  /** The pair of the second operand: a register or a constant, sign-extended to 64 bits. */
  #source(op: { readonly operand: "imm" | "reg" | "none" }, slot: Instruction): number {
    return op.operand === "imm" ? this.#code.constant(slot.imm, slot.imm >> 31) : pairOf(slot.src);
  }

  #alu(op: AluOperation, slot: Instruction): void {
    const code = this.#code;
    const { operator, width, bits = width } = op;
    const dst = pairOf(slot.dst);
    const src = this.#source(op, slot);
    switch (operator) {
      case "div":
      case "mod": {
        const wide =
          width === 64 ? code.action(divisionAction(operator, width, [code.cells, dst, src], code.here + 2)) : 0;
        code.emit(`${operator}${width}`, dst, src, wide);
        return;
      }
      case "sdiv":
      case "smod":
        code.act(divisionAction(operator, width, [code.cells, dst, src], code.here + 2));
        return;
      case "movsx":
        code.emit(`movsx${width}`, dst, src, 32 - bits);
        return;
      case "le":
        // The bytes are in this order already: only what lies above them goes.
        code.emit(bits === 64 ? "mov64" : bits === 32 ? "mov32" : "truncate16", dst, dst);
        return;
      case "be":
      case "bswap":
        code.emit(bits === 64 ? "swap64" : bits === 32 ? "swap32" : "swap16", dst, dst);
        return;
      case "addr_space_cast":
        code.emit("mov32", dst, src);
        return;
      default:
        code.emit(`${operator}${width}`, dst, src);
    }
  }

  /** In checked mode, emits the check of an access. */
  #check(pc: number, { base, offset, size, write }: Access): void {
    const host = this.#host;
    if (!host.checked) return;
    const { cells, here } = this.#code;
    const next = here + 2;
    this.#code.act(() => {
      // Exact wherever it matters: a sum that a double cannot hold is far outside of the memory.
      const sum = cells[base + 1]! * 2 ** 32 + (cells[base]! >>> 0) + offset;
      host.checkAccess([sum | 0, Math.floor(sum / 2 ** 32)], { size, write }, { pc, frame: cells[FRAME]! });
      return next;
    });
  }

  #load({ size, signed }: { readonly size: Size; readonly signed: boolean }, slot: Instruction, pc: number): void {
    const base = pairOf(slot.src);
    this.#check(pc, { base, offset: slot.offset, size, write: false });
    const name: Opcode = signed && size !== 8 ? `loads${BITS[size]}` : `load${BITS[size]}`;
    this.#code.emit(name, pairOf(slot.dst), base, slot.offset);
  }

  #packetLoad(op: LoadOperation, slot: Instruction): void {
    const { memory } = this.#host.runtime;
    const { cells, here } = this.#code;
    const index = pairOf(slot.src);
    const indirect = op.mode === "ind";
    this.#code.act(() => {
      cells[R0] = loadFromPacket(memory, ((indirect ? cells[index]! : 0) + slot.imm) | 0, op.size);
      cells[R0 + 1] = 0;
      return memory.cell(CELL.resultHigh) === 0 ? here + 2 : EXIT;
    });
  }

  #store(size: Size, source: number, slot: Instruction, pc: number): void {
    const base = pairOf(slot.dst);
    this.#check(pc, { base, offset: slot.offset, size, write: true });
    this.#code.emit(`store${BITS[size]}`, base, source, slot.offset);
  }

  /** The memory belongs to one thread, so plain loads acquire and plain stores release. */
  #atomic(op: AtomicOperation, slot: Instruction, pc: number): void {
    if (op.operator === "load_acquire") this.#load({ size: op.size, signed: false }, slot, pc);
    else if (op.operator === "store_release") this.#store(op.size, pairOf(slot.src), slot, pc);
    else this.#readModifyWrite(op, slot, pc);
  }

  #readModifyWrite(op: AtomicOperation, slot: Instruction, pc: number): void {
    const place = { base: pairOf(slot.dst), offset: slot.offset };
    this.#check(pc, { ...place, size: op.size, write: true });
    const code = this.#code;
    const { view } = this.#host.runtime.memory;
    code.act(atomicAction(op, [view, code.cells], { ...place, src: pairOf(slot.src) }, code.here + 2));
  }

  #jump(op: JumpOperation, slot: Instruction, pc: number): void {
    const { operator } = op;
    if (operator === "gotox") {
      this.#computedJump(slot, pc);
      return;
    }
    const target = targetOf(slot, pc)!;
    const name: Opcode = operator === "always" || operator === "may_goto" ? operator : `j${operator}${op.width}`;
    const index = this.#code.emit(name, pairOf(slot.dst), this.#source(op, slot));
    this.#references.push({ index, target, cost: loopCost(pc, target), pc });
  }

  #computedJump(slot: Instruction, pc: number): void {
    const { cells } = this.#code;
    const pair = pairOf(slot.dst);
    const host = this.#host;
    const starts = this.#starts;
    this.#code.act(() => {
      const target = cells[pair]! >>> 0;
      if (cells[pair + 1] !== 0 || target >= starts.length) {
        throw host.fault("BAD_INSTRUCTION", "gotox to no instruction", pc);
      }
      if (host.checked) host.runtime.charge(loopCost(pc, target), pc);
      return starts[target]!;
    });
  }

  #call(op: OperationOf<"call">, slot: Instruction, pc: number): void {
    const code = this.#code;
    const host = this.#host;
    const site: CallSite = { host, cells: code.cells, pc, next: code.here + 2 };
    switch (op.target) {
      case "helper":
        code.act(functionCallAction(site, host.helper(slot.imm)));
        return;
      case "kfunc":
        code.act(functionCallAction(site, host.kfunc(slot.imm)));
        return;
      case "register":
        code.act(registerCallAction(site, pairOf(slot.dst)));
        return;
      case "local": {
        const target = targetOf(slot, pc)!;
        const tooDeep = fails(() => host.fault("CALL_DEPTH", "more nested calls than stack frames", pc));
        const index = code.emit("call", 0, code.action(tooDeep));
        const cost = entryCost(host.functionStarts, target, this.#instructions.length);
        this.#references.push({ index, target, cost, pc });
      }
    }
  }

  #wide(op: OperationOf<"lddw">, slot: Instruction, pc: number): void {
    const value = this.#host.wideValue(pc, op.meaning);
    if (value === undefined) {
      const message = "the address of a kernel symbol is not known here";
      this.#code.act(fails(() => this.#host.fault("UNSUPPORTED_INSTRUCTION", message, pc)));
      return;
    }
    this.#code.emit("mov64", pairOf(slot.dst), this.#code.constant(...value));
  }

  /** The index to go to: the slot's own, or that of a charge in front of a jump to it. */
  #landing({ target, cost, pc }: Reference, end: number): number {
    const inside = this.#starts[target] ?? end;
    if (cost === 0 || !this.#host.checked) return inside;
    const { runtime } = this.#host;
    const code = this.#code;
    const overdrawn = code.action(() => {
      runtime.charge(0, pc);
      return inside;
    });
    const landing = code.emit("charge", 0, overdrawn, cost);
    code.emit("always", 0, 0, inside);
    return landing;
  }
}
