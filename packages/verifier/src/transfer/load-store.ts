import type { AtomicOperation, Instruction, LoadOperation, StoreOperation } from "@ebpf/asm";
import { type Access, accessMemoryAt, checkAlignment } from "../access/access.js";
import { clobber } from "../call/clobber.js";
import { returnFromLocal } from "../call/local.js";
import { checkNothingHeld } from "../call/resources.js";
import { checkUnmoved } from "../check/unmoved.js";
import { signExtend, truncate } from "../domain/cast.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { formatTnum } from "../report/format.js";
import { reject } from "../report/reject.js";
import {
  isScalar,
  kindName,
  type Register,
  scalarRegister,
  UNKNOWN_SCALAR,
  unlinked,
  ZERO_SCALAR,
} from "../state/register.js";
import type { Walk } from "../walk.js";

/**
 * What a load leaves in its register: pointers as they are, numbers zero- or sign-extended from their size. A number that
 * this doesn't change stays linked to what it was spilled from. (For Linux it does so whenever it fits without its sign.)
 */
const extended = (loaded: Register, { size, signed }: LoadOperation): Register => {
  if (!isScalar(loaded)) return loaded;
  if (size === 8) return loaded;
  if (!signed) return loaded.withValue(truncate(loaded.value, size));
  const bits = (8 * size) as 8 | 16 | 32;
  const isUnchanged = W.below(loaded.value.u64.max, W.shiftLeft(W.ONE, bits - 1));
  return (isUnchanged ? loaded : unlinked(loaded)).withValue(signExtend(loaded.value, bits));
};

const memoryLoad = (walk: Walk, slot: Instruction, op: LoadOperation): void => {
  const pointer = walk.read(slot.src);
  walk.checkWritable(slot.dst);
  const access: Access = {
    kind: "read",
    register: slot.src,
    pointer,
    offset: slot.offset,
    size: op.size,
    signed: op.signed,
  };
  walk.write(slot.dst, extended(accessMemoryAt(walk, access), op));
};

const CONTEXT_REGISTER = 6;

/**
 * The loads that find the packet through r6 and end the program when they fall outside of it. In a function they then
 * return 0 to its caller.
 */
const legacyLoad = (walk: Walk, slot: Instruction, op: LoadOperation): void => {
  if (!walk.program.rules.legacyPacketLoads) {
    reject("HELPER_NOT_ALLOWED", "BPF_LD_[ABS|IND] instructions not allowed for this program type");
  }
  const context = walk.read(CONTEXT_REGISTER);
  checkNothingHeld(walk, "BPF_LD_[ABS|IND]");
  if (context.kind !== "ctx") {
    reject("BAD_ARGUMENT", "at the time of BPF_LD_ABS|IND R6 != pointer to skb", CONTEXT_REGISTER);
  }
  checkUnmoved(context, CONTEXT_REGISTER);
  if (op.mode === "ind") {
    walk.read(slot.src);
  }
  if (walk.state.frame.callback) reject("UNSUPPORTED_CALLBACK", "legacy loads in callbacks are not modelled yet");
  clobber(walk);
  walk.state.setRegister(0, UNKNOWN_SCALAR);
  if (walk.state.frames.length === 1) {
    walk.pc++;
    return;
  }
  walk.branchTo(walk.pc + 1, walk.state.fork());
  walk.state.setRegister(0, ZERO_SCALAR);
  returnFromLocal(walk);
};

export const stepLoad = (walk: Walk, slot: Instruction, op: LoadOperation): void => {
  if (op.mode !== "mem") {
    legacyLoad(walk, slot, op);
    return;
  }
  memoryLoad(walk, slot, op);
  walk.pc++;
};

export const stepStore = (walk: Walk, slot: Instruction, op: StoreOperation): void => {
  const value = op.operand === "reg" ? walk.read(slot.src) : scalarRegister(S.constant(W.fromInt32(slot.imm)));
  const pointer = walk.read(slot.dst);
  accessMemoryAt(walk, { kind: "write", register: slot.dst, pointer, offset: slot.offset, size: op.size, value });
  walk.pc++;
};

const NO_ATOMICS: readonly Register["kind"][] = [
  "ctx",
  "pkt",
  "pkt_meta",
  "flow_keys",
  "sock",
  "sock_common",
  "tcp_sock",
  "xdp_sock",
];

const checkAtomicTarget = (pointer: Register, register: number, verb: "stores into" | "loads from"): void => {
  if (pointer.nullable || !NO_ATOMICS.includes(pointer.kind)) return;
  reject("ATOMIC_TARGET", `BPF_ATOMIC ${verb} R${register} ${kindName(pointer)} is not allowed`, register);
};

const readModifyWrite = (walk: Walk, slot: Instruction, op: AtomicOperation): void => {
  walk.read(slot.src);
  const pointer = walk.read(slot.dst);
  const { size, operator } = op;
  if (operator === "cmpxchg") walk.read(0);
  checkAtomicTarget(pointer, slot.dst, "stores into");
  const target = operator === "cmpxchg" ? 0 : slot.src;
  if (op.fetch) walk.checkWritable(target);
  // The register that the old value goes to is any number before memory is looked at, also where it is the address.
  const address = op.fetch && target === slot.dst ? UNKNOWN_SCALAR : pointer;
  const access: Access = { kind: "read", register: slot.dst, pointer: address, offset: slot.offset, size };
  checkAlignment(walk, access, true);
  const old = accessMemoryAt(walk, access);
  if (pointer.kind === "fp" && !S.isConstant(pointer.value)) {
    const place = `var_off=${formatTnum(pointer.value.bits)} off=${pointer.offset + slot.offset} size=${size}`;
    reject("ATOMIC_TARGET", `variable offset stack pointer cannot be passed into helper function; ${place}`, slot.dst);
  }
  // What is stored may be anything: the old value, the operand, or a mix of both.
  accessMemoryAt(walk, { ...access, kind: "write" });
  // A pointer that was spilled whole comes back as that pointer.
  if (op.fetch) walk.write(target, isScalar(old) ? old.withValue(truncate(old.value, size)) : old);
};

const loadAcquire = (walk: Walk, slot: Instruction, op: AtomicOperation): void => {
  const pointer = walk.read(slot.src);
  walk.checkWritable(slot.dst);
  const access: Access = { kind: "read", register: slot.src, pointer, offset: slot.offset, size: op.size };
  checkAlignment(walk, access, true);
  const loaded = accessMemoryAt(walk, access);
  checkAtomicTarget(pointer, slot.src, "loads from");
  walk.write(slot.dst, isScalar(loaded) ? loaded.withValue(truncate(loaded.value, op.size)) : loaded);
};

const storeRelease = (walk: Walk, slot: Instruction, op: AtomicOperation): void => {
  const value = walk.read(slot.src);
  const pointer = walk.read(slot.dst);
  const access: Access = { kind: "write", register: slot.dst, pointer, offset: slot.offset, size: op.size, value };
  checkAlignment(walk, access, true);
  accessMemoryAt(walk, access);
  checkAtomicTarget(pointer, slot.dst, "stores into");
};

export const stepAtomic = (walk: Walk, slot: Instruction, op: AtomicOperation): void => {
  if (op.operator === "load_acquire") loadAcquire(walk, slot, op);
  else if (op.operator === "store_release") storeRelease(walk, slot, op);
  else readModifyWrite(walk, slot, op);
  walk.pc++;
};
