import { isScalar, type Register, sameButIds, UNKNOWN_SCALAR } from "../state/register.js";
import type { State } from "../state/state.js";
import { IdMap } from "./ids.js";
import type { StoredState } from "./stored.js";

/*
 * Widening: a number that changed from one round of a loop to the next, and that nothing has relied on so far, is taken to
 * be any number, so that the rounds after that find nothing new. Sound, because any number allows every number; when
 * something later relies on it, that rule sees any number.
 */

const changed = (before: Register, now: Register, ids: IdMap): boolean =>
  isScalar(before) && isScalar(now) && !(sameButIds(before, now) && ids.matches(before.id, now.id));

/** Forgets the numbers of `current` that differ from those that an earlier round was stored with. */
export const widen = ({ state: previous, precise }: StoredState, current: State): void => {
  const ids = new IdMap();
  for (let index = previous.frames.length - 1; index >= 0; index--) {
    const before = previous.frames[index]!;
    const frame = current.frames[index]!;
    for (let register = 0; register < 10; register++) {
      if (precise.hasRegister(index, register)) continue;
      if (!changed(before.registers[register]!, frame.registers[register]!, ids)) continue;
      frame.registers[register] = UNKNOWN_SCALAR;
    }
    const slots = Math.min(before.stack.length, frame.stack.length);
    for (let slot = 0; slot < slots; slot++) {
      const old = before.slot(slot).spilled;
      const { bytes, spilled } = frame.slot(slot);
      if (old === undefined || spilled === undefined || precise.hasSlot(index, slot)) continue;
      if (changed(old, spilled, ids)) frame.setSlot(slot, { bytes, spilled: UNKNOWN_SCALAR });
    }
  }
};
