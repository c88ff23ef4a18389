import type { AtomicOperation, AtomicOperator, Instruction } from "@ebpf/asm";
import type { Step } from "../cfg/graph.js";
import type { FunctionWriter } from "./function.js";
import { type Access, loadOf, pushAddress, pushLoad, storeAt, storeOf } from "./load-store.js";

/** How the new value is made of the old one and the operand, both on the stack. */
const COMBINE = { add: "i64.add", or: "i64.or", and: "i64.and", xor: "i64.xor" } as const;

/**
 * RFC 9669 §5.3, and load-acquire and store-release. The memory belongs to one thread, so plain accesses are atomic and
 * ordered. 32-bit operations work on zero-extended values, of which the store keeps the low half.
 */
export const lowerAtomic = (writer: FunctionWriter, { slot, pc }: Step, op: AtomicOperation): void => {
  const loads = op.operator === "load_acquire";
  const access: Access = {
    base: loads ? slot.src : slot.dst,
    offset: slot.offset,
    size: op.size,
    write: !loads,
    pc,
  };
  LOWERINGS[op.operator](writer, slot, op, access);
};

type Lower = (writer: FunctionWriter, slot: Instruction, op: AtomicOperation, access: Access) => void;

/** Leaves the address in its scratch local, and the old value in another. */
const loadOld = (writer: FunctionWriter, access: Access): void => {
  const { code, address, wide } = writer;
  const offset = pushAddress(writer, access);
  if (offset !== 0) code.i32(offset).op("i32.add");
  code.tee(address).memory(loadOf(access.size)).set(wide);
};

const modify: Lower = (writer, { src }, { operator, fetch }, access) => {
  const { code, address, wide } = writer;
  loadOld(writer, access);
  code.get(address);
  if (operator === "xchg") writer.get(src);
  else {
    code.get(wide);
    writer.get(src).op(COMBINE[operator as keyof typeof COMBINE]);
  }
  code.memory(storeOf(access.size));
  if (!fetch) return;
  code.get(wide);
  writer.set(src);
};

/** Stores the source when memory equals r0; r0 gets what memory held. */
const compareExchange: Lower = (writer, { src }, _op, access) => {
  const { code, address, wide } = writer;
  loadOld(writer, access);
  code.get(wide);
  if (access.size === 8) writer.get(writer.base);
  else writer.getLow(writer.base).op("i64.extend_i32_u");
  code.op("i64.eq").open("if");
  code.get(address);
  writer.get(src).memory(storeOf(access.size));
  code.op("end").get(wide);
  writer.set(writer.base);
};

const LOWERINGS: Readonly<Record<AtomicOperator, Lower>> = {
  add: modify,
  or: modify,
  and: modify,
  xor: modify,
  xchg: modify,
  cmpxchg: compareExchange,
  load_acquire: (writer, { dst }, _op, access) => {
    pushLoad(writer, access);
    writer.set(dst);
  },
  store_release: (writer, { src }, _op, access) => storeAt(writer, access, () => writer.get(src)),
};
