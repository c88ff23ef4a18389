import type { AtomicOperation, AtomicOperator } from "@ebpf/asm";
import { loadStep, type Place, storeStep } from "./load-store.js";
import type { Cells, Step } from "./step.js";

type ReadModifyWrite = Exclude<AtomicOperator, "cmpxchg" | "load_acquire" | "store_release">;

/** The new halves from the old ones and the operand; `add` carries from the low to the high half. */
const LOW: Readonly<Record<ReadModifyWrite, (old: number, operand: number) => number>> = {
  add: (old, operand) => (old + operand) | 0,
  or: (old, operand) => old | operand,
  and: (old, operand) => old & operand,
  xor: (old, operand) => old ^ operand,
  xchg: (_old, operand) => operand,
};

const modify32 = (
  op: AtomicOperation,
  [view, r]: readonly [DataView, Cells],
  s: number,
  place: Place,
  next: number,
) => {
  const combine = LOW[op.operator as ReadModifyWrite];
  return () => {
    const address = (r[place.base]! + place.offset) >>> 0;
    const old = view.getInt32(address, true);
    view.setInt32(address, combine(old, r[s]!), true);
    if (op.fetch) {
      r[s] = old;
      r[s + 1] = 0;
    }
    return next;
  };
};

const modify64 = (
  op: AtomicOperation,
  [view, r]: readonly [DataView, Cells],
  s: number,
  place: Place,
  next: number,
) => {
  const combine = LOW[op.operator as ReadModifyWrite];
  const carries = op.operator === "add";
  return () => {
    const address = (r[place.base]! + place.offset) >>> 0;
    const low = view.getInt32(address, true);
    const high = view.getInt32(address + 4, true);
    const newLow = combine(low, r[s]!);
    const carry = carries && newLow >>> 0 < low >>> 0 ? 1 : 0;
    view.setInt32(address, newLow, true);
    view.setInt32(address + 4, combine(high, r[s + 1]!) + carry, true);
    if (op.fetch) {
      r[s] = low;
      r[s + 1] = high;
    }
    return next;
  };
};

/** Stores the source when memory equals r0; r0 gets what memory held, zero-extended. */
const compareExchange = (
  op: AtomicOperation,
  [view, r]: readonly [DataView, Cells],
  s: number,
  place: Place,
  next: number,
) => {
  const wide = op.size === 8;
  return () => {
    const address = (r[place.base]! + place.offset) >>> 0;
    const low = view.getInt32(address, true);
    const high = wide ? view.getInt32(address + 4, true) : 0;
    if (low === r[0] && (!wide || high === r[1])) {
      view.setInt32(address, r[s]!, true);
      if (wide) view.setInt32(address + 4, r[s + 1]!, true);
    }
    r[0] = low;
    r[1] = high;
    return next;
  };
};

/**
 * RFC 9669 §5.3, and load-acquire and store-release. The memory belongs to one thread, so plain accesses are atomic and
 * ordered.
 *
 * @param dst pair of the base register, but of the destination for load-acquire
 */
export const atomicStep = (
  op: AtomicOperation,
  environment: readonly [DataView, Cells],
  { dst, src, offset }: { readonly dst: number; readonly src: number; readonly offset: number },
  next: number,
): Step => {
  const place: Place = { base: op.operator === "load_acquire" ? src : dst, offset };
  switch (op.operator) {
    case "load_acquire":
      return loadStep({ size: op.size, signed: false }, environment, [dst, place], next);
    case "store_release":
      return storeStep(op.size, environment, [src, place], next);
    case "cmpxchg":
      return compareExchange(op, environment, src, place, next);
    default:
      return (op.size === 8 ? modify64 : modify32)(op, environment, src, place, next);
  }
};
