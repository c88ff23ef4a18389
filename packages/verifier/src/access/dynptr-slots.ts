import { release } from "../call/resources.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { type DynptrType, pointerRegister, type Register, UNKNOWN_SCALAR } from "../state/register.js";
import { dynptrSlot, EMPTY_SLOT, isDynptrSlot, SLOT_BYTES } from "../state/stack.js";
import type { Frame } from "../state/state.js";
import type { Walk } from "../walk.js";

/*
 * A dynptr takes two slots of the stack. The slot at its address is the first one and has the higher index:
 *
 *      fp-16            fp-8             fp
 *     ├─ slot 1: first ─┼─ slot 0 ───────┤
 *
 * Both hold the same facts: its id, by which slices of it are known, and the reference that it stands for.
 */

/** Where the first slot of a dynptr may be. */
export type DynptrPlace =
  | { readonly kind: "stack"; readonly frame: Frame; readonly slot: number }
  /** Below everything that the function wrote so far. */
  | { readonly kind: "untouched" }
  | { readonly kind: "nowhere"; readonly why: string };

/** Where a stack pointer points to, taken as a dynptr's address. */
export const placeOf = (walk: Walk, pointer: Register): DynptrPlace => {
  const variable = S.constantValue(pointer.value);
  if (variable === undefined) return { kind: "nowhere", why: "dynptr has to be at a constant offset" };
  const offset = pointer.offset + W.toNumber(variable);
  const slot = -offset / SLOT_BYTES - 1;
  if (offset % SLOT_BYTES !== 0 || slot < 1) {
    return { kind: "nowhere", why: `cannot pass in dynptr at an offset=${offset}` };
  }
  const frame = walk.state.frames[pointer.frame]!;
  return slot < frame.stack.length ? { kind: "stack", frame, slot } : { kind: "untouched" };
};

const setSlots = (walk: Walk, frame: Frame, first: number, content: Register | undefined): void => {
  for (const slot of [first, first - 1]) {
    const half = content?.with({ firstSlot: slot === first });
    frame.setSlot(slot, half === undefined ? EMPTY_SLOT : dynptrSlot(half));
    walk.writesSlot(frame.index, slot);
    if (frame === walk.state.frame) walk.touchesSlot(slot);
  }
};

/** The facts of the dynptr whose first slot this is. */
export const dynptrAt = (frame: Frame, slot: number): Register | undefined => {
  const content = frame.slot(slot);
  return isDynptrSlot(content) && content.spilled!.firstSlot ? content.spilled : undefined;
};

/**
 * A write to one of its slots ends a dynptr, and makes slices of it mere numbers. One that holds a record must not end so.
 *
 * @returns the id of the dynptr that ended
 */
export const overwriteDynptr = (walk: Walk, frame: Frame, slot: number): number | undefined => {
  const content = frame.slot(slot);
  if (!isDynptrSlot(content)) return undefined;
  const { id, dynptr, firstSlot } = content.spilled!;
  if (dynptr === "ringbuf") reject("BAD_DYNPTR", "cannot overwrite referenced dynptr");
  setSlots(walk, frame, firstSlot ? slot : slot + 1, undefined);
  endSlices(walk, id);
  return id;
};

/** The slices of a dynptr are mere numbers from here on. */
const endSlices = (walk: Walk, dynptr: number): void => {
  walk.state.mapRegisters((register) =>
    register.kind === "mem" && register.diesWith === dynptr ? UNKNOWN_SCALAR : register,
  );
};

/** Makes a dynptr where `overwriteDynptr` has made room; `acquire` gives the reference of one that holds a record. */
export const makeDynptr = (
  walk: Walk,
  { frame, slot }: { readonly frame: Frame; readonly slot: number },
  dynptr: DynptrType,
  acquire: () => number,
): void => {
  overwriteDynptr(walk, frame, slot);
  overwriteDynptr(walk, frame, slot - 1);
  const id = walk.newId();
  const reference = dynptr === "ringbuf" ? acquire() : 0;
  setSlots(walk, frame, slot, pointerRegister("dynptr", { dynptr, id, reference }));
};

/** Gives back the record that a dynptr holds: every dynptr and every slice of it ends. */
export const releaseDynptr = (walk: Walk, frame: Frame, { reference }: Register): void => {
  release(walk, reference);
  frame.stack.forEach((_content, slot) => {
    const dynptr = dynptrAt(frame, slot);
    if (dynptr?.reference !== reference) return;
    endSlices(walk, dynptr.id);
    setSlots(walk, frame, slot, undefined);
  });
};
