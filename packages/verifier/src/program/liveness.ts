import type { Instruction } from "@ebpf/asm";
import { helperFor, type Platform, type ProgramSpec } from "@ebpf/platform";
import type { Flow } from "./control-flow.js";

/*
 * Which registers may still be read: a backward data-flow analysis over each function. A register that is not live may
 * hold anything, so comparisons of states leave it out.
 */

interface Effect {
  readonly reads: number;
  readonly writes: number;
}

const bit = (register: number): number => 1 << register;
const ARGUMENTS = [0, 0b10, 0b110, 0b1110, 0b1_1110, 0b11_1110] as const;
const ALL = 0b11_1111_1111;
/** A call leaves r0 and destroys r1..r5. */
const CALL_WRITES = 0b11_1111;

const effectOf = (slot: Instruction, spec: ProgramSpec, platform: Platform): Effect => {
  const { op, dst, src } = slot;
  switch (op.family) {
    case "alu": {
      const source = op.operand === "reg" ? bit(src) : 0;
      const moves = op.operator === "mov" || op.operator === "movsx" || op.operator === "addr_space_cast";
      return { reads: source | (moves ? 0 : bit(dst)), writes: bit(dst) };
    }
    case "load":
      if (op.mode === "mem") return { reads: bit(src), writes: bit(dst) };
      // Such a load may end the function; Linux takes it to read everything.
      return { reads: ALL, writes: 0 };
    case "store":
      return { reads: bit(dst) | (op.operand === "reg" ? bit(src) : 0), writes: 0 };
    case "atomic":
      if (op.operator === "load_acquire") return { reads: bit(src), writes: bit(dst) };
      if (op.operator === "cmpxchg") return { reads: bit(dst) | bit(src) | bit(0), writes: bit(0) };
      return { reads: bit(dst) | bit(src), writes: op.fetch ? bit(src) : 0 };
    case "jump":
      if (op.operator === "gotox") return { reads: bit(dst), writes: 0 };
      if (op.operator === "always" || op.operator === "may_goto") return { reads: 0, writes: 0 };
      return { reads: bit(dst) | (op.operand === "reg" ? bit(src) : 0), writes: 0 };
    case "call": {
      const prototype = op.target === "helper" ? platform.helpers.get(slot.imm) : undefined;
      // A helper that the program can't use may take anything: the walk refuses it where it comes there.
      const count = (prototype && helperFor(prototype, spec))?.arguments.length ?? ARGUMENTS.length - 1;
      return {
        reads: ARGUMENTS[count as 0 | 1 | 2 | 3 | 4 | 5] | (op.target === "register" ? bit(dst) : 0),
        writes: CALL_WRITES,
      };
    }
    case "exit":
      return { reads: bit(0), writes: 0 };
    case "lddw":
      return { reads: 0, writes: bit(dst) };
    case "lddw-tail":
    case "raw":
      return { reads: 0, writes: 0 };
  }
};

/** For each slot, the registers that may be read from there on before they are written, as bits. */
export const liveRegisters = (spec: ProgramSpec, { next, target }: Flow, platform: Platform): Uint16Array => {
  const { instructions } = spec;
  const { length } = instructions;
  const live = new Uint16Array(length + 1);
  const reads = new Uint16Array(length);
  const writes = new Uint16Array(length);
  for (let pc = 0; pc < length; pc++) {
    const effect = effectOf(instructions[pc]!, spec, platform);
    reads[pc] = effect.reads;
    writes[pc] = effect.writes;
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let pc = length - 1; pc >= 0; pc--) {
      const behind = next[pc]! < 0 ? 0 : live[next[pc]!]!;
      const there = target[pc]! < 0 ? 0 : live[target[pc]!]!;
      const before = reads[pc]! | ((behind | there) & ~writes[pc]!);
      if (before === live[pc]) continue;
      live[pc] = before;
      changed = true;
    }
  }
  return live;
};
