import * as S from "../domain/scalar.js";
import { isNull, isPacketPointer, isScalar, type Register, sameButIds, sameTarget } from "../state/register.js";
import { BYTE, byteKind, SLOT_BYTES, type Slot, spilledBytes } from "../state/stack.js";
import type { Frame, State } from "../state/state.js";

/*
 * When is a state not worth walking? When an older state at the same pc, whose every path ended well, allows everything
 * that it allows: old ⊇ new.
 *
 * Ids carry relations ("these two are equal"), so the old state's relations must hold in the new one: its ids map one to
 * one to the new state's. Registers that no path reads again are left out.
 *
 * Every number counts as precise. That is sound and loses only speed: old paths may have ended well for more numbers
 * than the old state holds, which precision tracking will find out.
 */

/** How equal states must be: `within` for pruning, `exact` for telling that a loop makes no progress. */
export type Comparing = "within" | "exact";

/** Old ids by new ids, one to one. */
class IdMap {
  private readonly oldToNew = new Map<number, number>();
  private readonly newToOld = new Map<number, number>();

  matches(old: number, current: number): boolean {
    if (old === 0 && current === 0) return true;
    if (old === 0 || current === 0) return false;
    const mapped = this.oldToNew.get(old);
    if (mapped !== undefined) return mapped === current;
    if (this.newToOld.has(current)) return false;
    this.oldToNew.set(old, current);
    this.newToOld.set(current, old);
    return true;
  }
}

class Comparison {
  private readonly ids = new IdMap();
  private readonly how: Comparing;

  constructor(how: Comparing) {
    this.how = how;
  }

  matches(old: number, current: number): boolean {
    return this.ids.matches(old, current);
  }

  register(old: Register, current: Register): boolean {
    if (this.how === "exact") {
      return sameButIds(old, current) && this.sameIds(old, current);
    }
    if (old.kind === "not_init") return true;
    if (old.kind !== current.kind) return false;
    return isScalar(old) ? this.number(old, current) : this.pointer(old, current);
  }

  private sameIds(old: Register, current: Register): boolean {
    return (
      this.ids.matches(old.id, current.id) &&
      this.ids.matches(old.reference, current.reference) &&
      this.ids.matches(old.mapId, current.mapId)
    );
  }

  /** A linked old number was compared together with its partners; the new one must have the same partners. */
  private number(old: Register, current: Register): boolean {
    if (!S.contains(old.value, current.value)) return false;
    if (old.id === 0) return true;
    return old.delta === current.delta && this.ids.matches(old.id, current.id);
  }

  private pointer(old: Register, current: Register): boolean {
    if (!sameTarget(old, current) || !this.sameIds(old, current)) return false;
    if (old.kind === "fp") return S.equal(old.value, current.value);
    if (!S.contains(old.value, current.value)) return false;
    if (!isPacketPointer(old)) return true;
    // A range below 0 decides branches, so it must be the same; else more range allows more.
    return old.range < 0 || current.range < 0 ? old.range === current.range : old.range <= current.range;
  }

  slot(old: Slot, current: Slot): boolean {
    if (old.spilled === undefined && old === current) return true;
    if (old.spilled !== undefined) {
      if (current.spilled === undefined || spilledBytes(old) !== spilledBytes(current)) {
        return this.how === "within" && this.unknownSpill(old, current);
      }
      if (!this.register(old.spilled, current.spilled)) return false;
    }
    for (let byte = 0; byte < SLOT_BYTES; byte++) {
      if (!this.byte(old, current, byte)) return false;
    }
    return true;
  }

  /** An unknown unlinked number on the stack is as good as unknown bytes. */
  private unknownSpill(old: Slot, current: Slot): boolean {
    const { spilled } = old;
    if (
      spilled === undefined ||
      spilledBytes(old) !== SLOT_BYTES ||
      !isScalar(spilled) ||
      spilled.id !== 0 ||
      !S.isUnknown(spilled.value)
    )
      return false;
    return current.spilled === undefined || isScalar(current.spilled);
  }

  private byte(old: Slot, current: Slot, byte: number): boolean {
    const before = byteKind(old, byte);
    const now = byteKind(current, byte);
    if (before === now) return true;
    if (this.how === "exact") return false;
    switch (before) {
      case BYTE.invalid:
        return true;
      case BYTE.misc:
        return now !== BYTE.spill || isScalar(current.spilled!);
      case BYTE.zero:
        return now === BYTE.spill && isNull(current.spilled!);
      case BYTE.spill:
        return false;
    }
  }
}

const ALL_REGISTERS = 0x7ff;

/** The registers that matter in each frame: in a caller, those that are read after the call. */
const liveIn = (live: Uint16Array | undefined, state: State, pc: number, frame: Frame): number => {
  if (live === undefined) return ALL_REGISTERS;
  const callee = state.frames[frame.index + 1];
  if (callee === undefined) return live[pc]!;
  return callee.callback ? live[callee.callSite]! : live[callee.callSite + 1]!;
};

const framesMatch = (
  comparison: Comparison,
  live: Uint16Array | undefined,
  pc: number,
  [old, current]: readonly [State, State],
): boolean => {
  for (let index = 0; index < old.frames.length; index++) {
    const before = old.frames[index]!;
    const now = current.frames[index]!;
    if (before.callSite !== now.callSite || before.callback !== now.callback || before.subprogram !== now.subprogram)
      return false;
    // Fewer rounds of a callback behind means more to come.
    if (before.callbackRounds > now.callbackRounds) return false;
    const mask = liveIn(live, current, pc, now);
    for (let register = 0; register < before.registers.length; register++) {
      if ((mask & (1 << register)) === 0) continue;
      if (!comparison.register(before.registers[register]!, now.registers[register]!)) return false;
    }
    const slots = Math.max(before.stack.length, now.stack.length);
    for (let slot = 0; slot < slots; slot++) {
      if (!comparison.slot(before.slot(slot), now.slot(slot))) return false;
    }
  }
  return true;
};

/** True when `old` allows every concrete state that `current` allows, as far as code from `pc` on can tell. */
export const subsumes = (
  old: State,
  current: State,
  { pc, live, how }: { readonly pc: number; readonly live: Uint16Array | undefined; readonly how: Comparing },
): boolean => {
  if (old.frames.length !== current.frames.length || old.references.length !== current.references.length) return false;
  const comparison = new Comparison(how);
  const sameReferences = old.references.every(({ id }, index) => comparison.matches(id, current.references[index]!.id));
  return sameReferences && framesMatch(comparison, live, pc, [old, current]);
};
