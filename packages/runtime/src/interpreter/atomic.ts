import type { AtomicOperation, AtomicOperator } from "@ebpf/asm";
import { type Cells, R0 } from "./cells.js";
import type { Action } from "./code.js";

type ReadModifyWrite = Exclude<AtomicOperator, "cmpxchg" | "load_acquire" | "store_release">;

/** Where an operation takes its address and its operand from. */
interface Operands {
  /** Pair of the base address. */
  readonly base: number;
  readonly offset: number;
  /** Pair of the operand. */
  readonly src: number;
}

/** The new halves from the old ones and the operand; `add` carries from the low to the high half. */
const COMBINE: Readonly<Record<ReadModifyWrite, (old: number, operand: number) => number>> = {
  add: (old, operand) => (old + operand) | 0,
  or: (old, operand) => old | operand,
  and: (old, operand) => old & operand,
  xor: (old, operand) => old ^ operand,
  xchg: (_old, operand) => operand,
};

const modify32 = (
  op: AtomicOperation,
  [view, r]: readonly [DataView, Cells],
  { base, offset, src }: Operands,
  next: number,
): Action => {
  const combine = COMBINE[op.operator as ReadModifyWrite];
  return () => {
    const address = (r[base]! + offset) >>> 0;
    const old = view.getInt32(address, true);
    view.setInt32(address, combine(old, r[src]!), true);
    if (op.fetch) {
      r[src] = old;
      r[src + 1] = 0;
    }
    return next;
  };
};

const modify64 = (
  op: AtomicOperation,
  [view, r]: readonly [DataView, Cells],
  { base, offset, src }: Operands,
  next: number,
): Action => {
  const combine = COMBINE[op.operator as ReadModifyWrite];
  const carries = op.operator === "add";
  return () => {
    const address = (r[base]! + offset) >>> 0;
    const low = view.getInt32(address, true);
    const high = view.getInt32(address + 4, true);
    const newLow = combine(low, r[src]!);
    const carry = carries && newLow >>> 0 < low >>> 0 ? 1 : 0;
    view.setInt32(address, newLow, true);
    view.setInt32(address + 4, combine(high, r[src + 1]!) + carry, true);
    if (op.fetch) {
      r[src] = low;
      r[src + 1] = high;
    }
    return next;
  };
};

/** Stores the source when memory equals r0; r0 gets what memory held, zero-extended. */
const compareExchange = (
  op: AtomicOperation,
  [view, r]: readonly [DataView, Cells],
  { base, offset, src }: Operands,
  next: number,
): Action => {
  const wide = op.size === 8;
  return () => {
    const address = (r[base]! + offset) >>> 0;
    const low = view.getInt32(address, true);
    const high = wide ? view.getInt32(address + 4, true) : 0;
    if (low === r[R0] && (!wide || high === r[R0 + 1])) {
      view.setInt32(address, r[src]!, true);
      if (wide) view.setInt32(address + 4, r[src + 1]!, true);
    }
    r[R0] = low;
    r[R0 + 1] = high;
    return next;
  };
};

/**
 * RFC 9669 §5.3: operations that read and write. The memory belongs to one thread, so plain accesses are atomic and
 * ordered.
 */
export const atomicAction = (
  op: AtomicOperation,
  environment: readonly [DataView, Cells],
  operands: Operands,
  next: number,
): Action => {
  if (op.operator === "cmpxchg") return compareExchange(op, environment, operands, next);
  return (op.size === 8 ? modify64 : modify32)(op, environment, operands, next);
};
