import { isScalar, type Register, sameButIds, UNKNOWN_SCALAR } from "../state/register.js";
import type { State } from "../state/state.js";
import type { StoredState } from "../walk.js";

/*
 * Widening: a number that changed from one round of a loop to the next is taken to be any number, so that the rounds
 * after that find nothing new. Sound, because any number allows every number. Numbers that must stay bounded have to be
 * checked again in the loop; with precision tracking only those that nothing relies on will be widened.
 */

const widened = (before: Register, now: Register): Register =>
  isScalar(before) && isScalar(now) && !sameButIds(before, now) ? UNKNOWN_SCALAR : now;

const sameCalls = (a: State, b: State): boolean =>
  a.frames.length === b.frames.length &&
  a.frames.every(({ callSite }, index) => callSite === b.frames[index]!.callSite);

/** The state that the path had the last time it came by this pc, in the same chain of calls. */
export const previousRound = (from: StoredState | undefined, pc: number, current: State): State | undefined => {
  for (let stored = from; stored !== undefined; stored = stored.parent) {
    if (stored.pc === pc && sameCalls(stored.state, current)) return stored.state;
  }
  return undefined;
};

/** Forgets the numbers of `current` that differ from the previous round's. */
export const widen = (previous: State, current: State): void => {
  current.frames.forEach((frame, index) => {
    const before = previous.frames[index]!;
    frame.registers = frame.registers.map((register, at) => widened(before.registers[at]!, register));
    frame.stack = frame.stack.map((slot, at) => {
      const old = before.slot(at).spilled;
      return slot.spilled === undefined || old === undefined
        ? slot
        : { bytes: slot.bytes, spilled: widened(old, slot.spilled) };
    });
  });
};
