import { invariant } from "@ebpf/core";
import { truncate, unknownOf } from "../domain/cast.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { formatTnum } from "../report/format.js";
import { reject } from "../report/reject.js";
import { isNull, isScalar, type Register, scalarRegister, UNKNOWN_SCALAR, unlinked } from "../state/register.js";
import {
  BYTE,
  type ByteKind,
  byteKind,
  isDynptrSlot,
  NOT_SPILLED,
  overwrite,
  SLOT_BYTES,
  type Slot,
  spilledBytes,
  spillInto,
} from "../state/stack.js";
import type { Frame } from "../state/state.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";
import { overwriteDynptr } from "./dynptr-slots.js";
import type { RegionAccess } from "./region.js";

/** A stretch of stack: offsets from the frame pointer, `from` ≤ byte < `to` ≤ 0. */
interface Stretch {
  readonly frame: Frame;
  readonly from: number;
  readonly to: number;
}

const slotIndex = (offset: number): number => Math.floor((-offset - 1) / SLOT_BYTES);
/** The byte in its slot: offset -8 is byte 0 of slot 0. */
const byteInSlot = (offset: number): number => ((offset % SLOT_BYTES) + SLOT_BYTES) % SLOT_BYTES;

const frameOf = (walk: Walk, pointer: Register): Frame => {
  const frame = walk.state.frames[pointer.frame];
  invariant(frame !== undefined, "a stack pointer's frame is live");
  return frame;
};

type Purpose = "read from" | "write to";

/** Sizes are signed here: those that a signature gives may have 32 bits. */
const outside = (access: RegionAccess, purpose: Purpose): never => {
  const { register, pointer, offset, size } = access;
  if (S.isConstant(pointer.value)) {
    const at = pointer.offset + offset + W.toNumber(pointer.value.bits.value);
    return reject("STACK_OUT_OF_BOUNDS", `invalid ${purpose} stack R${register} off=${at} size=${size | 0}`, register);
  }
  return reject(
    "STACK_OUT_OF_BOUNDS",
    `invalid variable-offset ${purpose} stack R${register} var_off=${formatTnum(pointer.value.bits)} off=${pointer.offset + offset} size=${size | 0}`,
    register,
  );
};

const MAX_VARIABLE_OFFSET = 1 << 29;

/** Where an access may fall: all of it lies in the frame's stack. Deepens the function's stack as needed. */
const stackStretch = (walk: Walk, access: RegionAccess, purpose: Purpose): Stretch => {
  const { register, pointer, offset, size } = access;
  const { min, max } = pointer.value.s64;
  if (W.toNumber(max) >= MAX_VARIABLE_OFFSET || W.toNumber(min) <= -MAX_VARIABLE_OFFSET) {
    reject("UNBOUNDED_OFFSET", `invalid unbounded variable-offset ${purpose} stack R${register}`, register);
  }
  const from = pointer.offset + offset + W.toNumber(min);
  const to = pointer.offset + offset + W.toNumber(max) + size;
  if (from < -walk.platform.limits.stack || from >= 0 || to > 0 || size < 0) outside(access, purpose);
  const frame = frameOf(walk, pointer);
  walk.stackDepth[frame.subprogram] = Math.max(walk.stackDepth[frame.subprogram]!, -from);
  frame.deepen(slotIndex(from));
  walk.facts.accessesStack(walk.pc, from, to, walk.program.subprograms[frame.subprogram]!.start);
  return { frame, from, to };
};

const isFixed = (pointer: Register): boolean => S.isConstant(pointer.value);

const kindAt = (frame: Frame, offset: number): ByteKind => byteKind(frame.slot(slotIndex(offset)), byteInSlot(offset));

/** A dynptr is read through helpers alone. */
const dynptrInside = ({ register, pointer, size }: RegionAccess, from: number, at: number): never => {
  const where = isFixed(pointer) ? `off ${from}` : `var_off ${formatTnum(pointer.value.bits)}`;
  return reject("BAD_DYNPTR", `invalid read from stack R${register} ${where}+${at - from} size ${size}`, register);
};

/** The kinds of the bytes of a stretch. A privileged program may read bytes that it never wrote. */
const kindsIn = (walk: Walk, { frame, from, to }: Stretch, access: RegionAccess): ByteKind[] => {
  const kinds: ByteKind[] = [];
  for (let offset = from; offset < to; offset++) {
    const kind = kindAt(frame, offset);
    if (kind === BYTE.dynptr) dynptrInside(access, from, offset);
    kinds.push(kind);
    walk.readsSlot(frame.index, slotIndex(offset));
  }
  if (kinds.includes(BYTE.invalid)) walk.facts.readsUninitialized(walk.pc);
  return kinds;
};

const touchSlots = (walk: Walk, { from, to }: Stretch): void => {
  for (let index = slotIndex(to - 1); index <= slotIndex(from); index++) walk.touchesSlot(index);
};

/** What mixed bytes read as: 0 when all are zero, else any number of that size. */
const readBytes = (walk: Walk, stretch: Stretch, access: Access): Register => {
  const kinds = kindsIn(walk, stretch, access);
  const zeros = kinds.findIndex((kind) => kind !== BYTE.zero);
  const zero = zeros < 0;
  // Only up to the first byte that isn't zero.
  touchSlots(walk, { ...stretch, to: zero ? stretch.to : stretch.from + zeros + 1 });
  return scalarRegister(zero ? S.ZERO : unknownOf(access.size));
};

/**
 * Reads part of a slot that holds a spilled number. For its low bytes the whole number stands, which the load then cuts
 * off or extends, as Linux does; others are any bytes.
 */
const fillPart = (walk: Walk, slot: Slot, stretch: Stretch, access: Access): Register => {
  const spilled = slot.spilled!;
  if (!isScalar(spilled)) reject("BAD_SPILL", "invalid size of register fill", access.register);
  const held = spilledBytes(slot);
  const little = walk.program.spec.byteOrder === "little";
  const lowStart = little ? 0 : held - access.size;
  const index = slotIndex(stretch.from);
  if (access.size <= held && byteInSlot(stretch.from) === lowStart) {
    walk.followsSlot(stretch.frame.index, index);
    const fits = W.equal(truncate(spilled.value, access.size).u64.max, spilled.value.u64.max);
    return fits ? spilled : unlinked(spilled);
  }
  const kinds = kindsIn(walk, stretch, access);
  if (kinds.every((kind) => kind === BYTE.zero)) return scalarRegister(S.ZERO);
  if (isNull(spilled) && kinds.every((kind) => kind === BYTE.spill)) {
    walk.followsSlot(stretch.frame.index, index);
    return scalarRegister(S.ZERO);
  }
  return scalarRegister(unknownOf(access.size));
};

export const readStack = (walk: Walk, access: Access): Register => {
  const stretch = stackStretch(walk, access, "read from");
  // A spilled pointer among bytes at an unknown place reads as a number, which a privileged program may see of it.
  if (!isFixed(access.pointer)) return readBytes(walk, stretch, access);
  const index = slotIndex(stretch.from);
  const slot = stretch.frame.slot(index);
  walk.readsSlot(stretch.frame.index, index);
  walk.touchesSlot(index);
  if (slot.spilled === undefined) return readBytes(walk, stretch, access);
  if (access.size === SLOT_BYTES && spilledBytes(slot) === SLOT_BYTES) {
    walk.followsSlot(stretch.frame.index, index);
    return slot.spilled;
  }
  if (isDynptrSlot(slot)) {
    reject("BAD_DYNPTR", `invalid read from stack off ${stretch.from}+0 size ${access.size}`, access.register);
  }
  return fillPart(walk, slot, stretch, access);
};

const setBytes = ({ frame, from, to }: Stretch, kind: ByteKind): void => {
  for (let offset = from; offset < to; ) {
    const index = slotIndex(offset);
    const byte = byteInSlot(offset);
    const count = Math.min(SLOT_BYTES - byte, to - offset);
    frame.setSlot(index, overwrite(frame.slot(index), byte, count, kind));
    offset += count;
  }
};

const isSpilledPointer = (slot: Slot): boolean => slot.spilled !== undefined && !isScalar(slot.spilled);

/** A pointer into the running function's stack must not be left in its caller's. */
const checkEscape = (walk: Walk, frame: Frame, value: Register): void => {
  if (value.kind === "fp" && frame !== walk.state.frame) {
    reject("STACK_POINTER_ESCAPE", "cannot spill pointers to stack into stack frame of the caller");
  }
};

const spill = (walk: Walk, stretch: Stretch, { size }: Access, value: Register): void => {
  const { frame, from } = stretch;
  checkEscape(walk, frame, value);
  const index = slotIndex(from);
  walk.followsSlot(frame.index, index);
  walk.touchesSlot(index);
  const fits = !isScalar(value) || W.bitLength(value.value.u64.max) <= 8 * size;
  frame.setSlot(index, spillInto(frame.slot(index), fits ? linkable(walk, value) : unlinked(value), size));
};

/** The register that the current instruction stores. */
const storedRegister = (walk: Walk): number | undefined => {
  const { op, src } = walk.instruction;
  const stores = (op.family === "store" && op.operand === "reg") || op.family === "atomic";
  return stores ? src : undefined;
};

/** A number that is spilled stays linked to its register, so that both learn from comparisons. */
const linkable = (walk: Walk, value: Register): Register => {
  const register = storedRegister(walk);
  return register === undefined || !isScalar(value) ? value : walk.shareable(register);
};

/** A zero byte isn't followed back to where it came from, so the register that it came from is precise at once. */
const markZero = (walk: Walk): void => {
  const register = storedRegister(walk);
  if (register !== undefined) walk.markPrecise(register);
};

const writeFixed = (walk: Walk, stretch: Stretch, access: Access): void => {
  const whole = byteInSlot(stretch.from) === 0;
  const ended = overwriteDynptr(walk, stretch.frame, slotIndex(stretch.from));
  // What is stored may have been a slice of the dynptr that it overwrites.
  const value = ended !== undefined && access.value?.diesWith === ended ? UNKNOWN_SCALAR : access.value;
  walk.touchesSlot(slotIndex(stretch.from));
  if (access.size === SLOT_BYTES) walk.writesSlot(stretch.frame.index, slotIndex(stretch.from));
  if (value === undefined) {
    setBytes(stretch, BYTE.misc);
    return;
  }
  if (isScalar(value) && whole && (access.size === SLOT_BYTES || walk.program.spec.byteOrder === "little")) {
    spill(walk, stretch, access, value);
    return;
  }
  if (!isScalar(value) && !NOT_SPILLED.includes(value.kind)) {
    if (access.size !== SLOT_BYTES) reject("BAD_SPILL", "invalid size of register spill", access.register);
    spill(walk, stretch, access, value);
    return;
  }
  if (isNull(value)) markZero(walk);
  setBytes(stretch, isNull(value) ? BYTE.zero : BYTE.misc);
};

/** A write at an unknown place: every byte it may hit is any byte afterwards, but zero bytes stay zero under zeros. */
const writeSomewhere = (walk: Walk, { frame, from, to }: Stretch, value: Register): void => {
  checkEscape(walk, frame, value);
  for (let index = slotIndex(to - 1); index <= slotIndex(from); index++) overwriteDynptr(walk, frame, index);
  const zero = isNull(value);
  let zeroUsed = false;
  for (let offset = from; offset < to; offset++) {
    const index = slotIndex(offset);
    walk.touchesSlot(index);
    const slot = frame.slot(index);
    const kind = byteKind(slot, byteInSlot(offset));
    const keepsZero =
      zero && (kind === BYTE.zero || (kind === BYTE.spill && !isSpilledPointer(slot) && isNull(slot.spilled!)));
    zeroUsed ||= keepsZero;
    if (!keepsZero) frame.setSlot(index, overwrite(slot, byteInSlot(offset), 1, BYTE.misc));
  }
  if (zeroUsed) markZero(walk);
};

export const writeStack = (walk: Walk, access: Access): Register => {
  const stretch = stackStretch(walk, access, "write to");
  if (isFixed(access.pointer)) writeFixed(walk, stretch, access);
  else writeSomewhere(walk, stretch, access.value ?? UNKNOWN_SCALAR);
  return UNKNOWN_SCALAR;
};

/** A number on the stack. */
export interface KnownNumber {
  readonly value: W.Word;
  /** What Linux takes it for: the whole register that was spilled, also where the stack has only part of it. */
  readonly taken: W.Word;
}

/** The number that `size` bytes of stack hold in the program's byte order, where it is known. */
export const knownOnStack = (walk: Walk, pointer: Register, size: 1 | 2 | 4 | 8): KnownNumber | undefined => {
  if (pointer.kind !== "fp" || !isFixed(pointer)) return undefined;
  const from = pointer.offset + W.toNumber(pointer.value.bits.value);
  if (from % size !== 0 || walk.program.spec.byteOrder !== "little") return undefined;
  const frame = frameOf(walk, pointer);
  const slot = frame.slot(slotIndex(from));
  let spilled = 0;
  for (let offset = from; offset < from + size; offset++) {
    const kind = kindAt(frame, offset);
    if (kind === BYTE.spill) spilled++;
    else if (kind !== BYTE.zero) return undefined;
  }
  if (spilled === 0) return { value: W.ZERO, taken: W.ZERO };
  // Linux looks no further than whether what is spilled ends with the part.
  const whole = slot.spilled;
  if (spilled < size || whole === undefined || byteInSlot(from) + size !== spilledBytes(slot)) return undefined;
  const taken = isScalar(whole) ? S.constantValue(whole.value) : undefined;
  if (taken === undefined) return undefined;
  walk.precision.markSlot(frame.index, slotIndex(from));
  const part = truncate(S.constant(W.shiftRight(taken, 8 * byteInSlot(from))), size);
  return { value: S.constantValue(part)!, taken };
};

/** A helper reads the stretch, which it may also write; bytes that were never written are allowed, as for loads. */
export const helperReadsStack = (walk: Walk, access: RegionAccess, purpose: Purpose): void => {
  kindsIn(walk, stackStretch(walk, access, purpose), access);
};

/** A helper may write the stretch whatever it holds, but for dynptrs. */
export const checkHelperWrite = (walk: Walk, access: RegionAccess): void => {
  const { frame, from, to } = stackStretch(walk, access, "write to");
  for (let offset = from; offset < to; offset++) {
    if (kindAt(frame, offset) !== BYTE.dynptr) continue;
    reject("BAD_DYNPTR", `potential write to dynptr at off=${offset} disallowed`, access.register);
  }
};

/** A helper writes the stretch, or part of it: all of it is any bytes afterwards. */
export const helperWritesStack = (walk: Walk, access: RegionAccess, use: "write" | "update"): void => {
  const stretch = stackStretch(walk, access, "write to");
  if (stretch.from === stretch.to) return;
  if (use === "write") touchSlots(walk, stretch);
  setBytes(stretch, BYTE.misc);
};
