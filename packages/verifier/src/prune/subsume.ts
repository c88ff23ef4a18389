import * as S from "../domain/scalar.js";
import {
  isPacketPointer,
  isScalar,
  type Register,
  type RegisterKind,
  sameButIds,
  sameTarget,
  UNKNOWN_SCALAR,
} from "../state/register.js";
import { BYTE, byteKind, hasOnlyGarbage, SLOT_BYTES, type Slot, spilledBytes } from "../state/stack.js";
import { type Frame, REGISTERS, type State } from "../state/state.js";
import { IdMap } from "./ids.js";
import type { StoredState } from "./stored.js";

/*
 * When is a state not worth walking? When an older state at the same pc, whose every path ended well, allows everything
 * that it allows, as far as those paths relied on it: old ⊇ new.
 *
 * Ids carry relations ("these two are equal"), so the relations of the old state must hold in the new one: its ids map
 * one to one to the new state's. More relations in the new state only allow less.
 */

/**
 * How states are compared.
 *
 * `relied`: numbers that no path relied on may be anything. Only for states whose paths have all ended.
 * `within`: every number of the new state lies in the old one's. For states whose paths haven't: what they will rely on
 * isn't known yet.
 * `same`: equal but for ids: the path made no progress.
 */
export type Comparing = "relied" | "within" | "same";

/** Kinds that may be moved by numbers; the others are the same pointer or not. */
const RANGED: ReadonlySet<RegisterKind> = new Set(["map_value", "map_key", "mem"]);

/** Ids of linked numbers: those with something to add are apart from the others. */
const linkOf = ({ id, deltaBits }: Register): number => (deltaBits === 0 ? 2 * id : 2 * id + 1);

class Comparison {
  private readonly ids = new IdMap();
  private readonly how: Comparing;
  private temporary = -1;

  constructor(how: Comparing) {
    this.how = how;
  }

  matches(old: number, current: number): boolean {
    return this.ids.matches(old, current);
  }

  register(old: Register, current: Register, precise: boolean): boolean {
    if (this.how === "same") return this.same(old, current);
    if (old.kind === "not_init") return this.how === "relied" || current.kind === "not_init";
    if (old.kind !== current.kind) return false;
    if (!isScalar(old)) return this.pointer(old, current);
    return (!precise && this.how === "relied") || this.number(old, current);
  }

  private same(old: Register, current: Register): boolean {
    return (
      sameButIds(old, current) &&
      old.mapId === current.mapId &&
      this.ids.matches(linkOf(old), linkOf(current)) &&
      this.ids.matches(2 * old.reference, 2 * current.reference)
    );
  }

  private number(old: Register, current: Register): boolean {
    if (!S.contains(old.value, current.value)) return false;
    if (old.id === 0) return true;
    if (old.delta !== current.delta || old.deltaBits !== current.deltaBits) return false;
    // A number that is linked to nothing stands for itself: it can't stand for two of the old state's.
    const link = current.id === 0 ? this.temporary-- : linkOf(current);
    if (!this.ids.matches(linkOf(old), link)) return false;
    return old.deltaBits === 0 || this.ids.matches(2 * old.id, current.id === 0 ? this.temporary-- : 2 * current.id);
  }

  private pointer(old: Register, current: Register): boolean {
    if (isPacketPointer(old)) return this.packetPointer(old, current);
    if (!RANGED.has(old.kind)) return this.same(old, current);
    return (
      sameTarget(old, current) &&
      old.mapId === current.mapId &&
      S.contains(old.value, current.value) &&
      this.ids.matches(2 * old.id, 2 * current.id) &&
      this.ids.matches(2 * old.reference, 2 * current.reference)
    );
  }

  private packetPointer(old: Register, current: Register): boolean {
    // A range below 0 decides branches, so it must be the same; else more range allows more.
    const exact = old.range < 0 || current.range < 0;
    if (exact ? old.range !== current.range : old.range > current.range) return false;
    return (
      sameTarget(old, current) && this.ids.matches(2 * old.id, 2 * current.id) && S.contains(old.value, current.value)
    );
  }

  slot(old: Slot, current: Slot, precise: boolean): boolean {
    if (old === current && old.spilled === undefined) return true;
    if (this.how !== "relied" && old.bytes !== current.bytes) return false;
    // Bytes of unknown content read as any number: such a slot and a spilled number are compared as numbers.
    const before = numberIn(old);
    const now = numberIn(current);
    if (isAnything(old)) return true;
    if (before !== undefined && now !== undefined) return this.register(before, now, precise);
    if (!bytesAllow(old, current)) return false;
    if (old.spilled === undefined) return true;
    return current.spilled !== undefined && this.register(old.spilled, current.spilled, precise);
  }
}

/** Every byte is unknown, or was never written: what a privileged program may read as any number. */
const isAnything = (slot: Slot): boolean => slot.spilled === undefined && hasOnlyGarbage(slot);

/** The number that the whole slot reads as. */
const numberIn = (slot: Slot): Register | undefined => {
  if (slot.spilled !== undefined) {
    return isScalar(slot.spilled) && spilledBytes(slot) === SLOT_BYTES ? slot.spilled : undefined;
  }
  return isAnything(slot) ? UNKNOWN_SCALAR : undefined;
};

/** Whether code that was safe with the bytes of `old` is safe with those of `current`, whatever is spilled there. */
const bytesAllow = (old: Slot, current: Slot): boolean => {
  if (old.bytes === current.bytes) return true;
  for (let byte = 0; byte < SLOT_BYTES; byte++) {
    const before = byteKind(old, byte);
    if (before !== byteKind(current, byte) && before !== BYTE.invalid && before !== BYTE.misc) return false;
  }
  return true;
};

const ALL_REGISTERS = (1 << REGISTERS) - 1;

/** The registers of a frame that code may read: in a caller, when it goes on. */
const liveIn = (live: Uint16Array | undefined, { pc, state }: StoredState, frame: number): number => {
  if (live === undefined) return ALL_REGISTERS;
  return live[state.frames[frame + 1]?.callSite ?? pc]!;
};

const sameFrame = (old: Frame, current: Frame): boolean =>
  old.callSite === current.callSite &&
  old.subprogram === current.subprogram &&
  old.callback === current.callback &&
  // Fewer rounds of a callback behind means more to come.
  old.callbackRounds <= current.callbackRounds;

/**
 * How often a helper goes on calling back is up to the R1 of the frame that called it. Linux 6.18 marks it when the rounds
 * end, too late for states stored during them, and takes fewer rounds for more; here it always matters.
 */
const decidesRounds = ({ frames }: State, frame: number, register: number): boolean =>
  register === 1 && frames[frame + 1]?.callback === true;

const framesMatch = (
  comparison: Comparison,
  stored: StoredState,
  current: State,
  live: Uint16Array | undefined,
): boolean => {
  const { state, precise } = stored;
  for (let index = 0; index < state.frames.length; index++) {
    const before = state.frames[index]!;
    const now = current.frames[index]!;
    if (!sameFrame(before, now)) return false;
    const mask = liveIn(live, stored, index);
    for (let register = 0; register < REGISTERS; register++) {
      if ((mask & (1 << register)) === 0) continue;
      const isPrecise = precise.hasRegister(index, register) || decidesRounds(state, index, register);
      if (!comparison.register(before.registers[register]!, now.registers[register]!, isPrecise)) return false;
    }
    for (let slot = 0; slot < before.stack.length; slot++) {
      // Linux doesn't look for what a number can be in a stack that never was as deep.
      if (slot >= now.stack.length && !isAnything(before.slot(slot))) return false;
      if (!comparison.slot(before.slot(slot), now.slot(slot), precise.hasSlot(index, slot))) return false;
    }
  }
  return true;
};

/**
 * True when `stored` allows every concrete state that `current` allows, as far as code from its pc on can tell.
 *
 * @param live registers that may be read, by pc; all of them without
 */
export const subsumes = (
  stored: StoredState,
  current: State,
  { live, how }: { readonly live: Uint16Array | undefined; readonly how: Comparing },
): boolean => {
  const { state } = stored;
  if (state.frames.length !== current.frames.length || state.references.length !== current.references.length) {
    return false;
  }
  const comparison = new Comparison(how);
  return (
    state.references.every((held, index) => {
      const now = current.references[index]!;
      return held.kind === now.kind && held.object === now.object && comparison.matches(2 * held.id, 2 * now.id);
    }) && framesMatch(comparison, stored, current, live)
  );
};

/** True when the running function's registers are the same, ids and all: only then a loop is looked for. */
export const mayLoop = ({ state }: StoredState, current: State): boolean => {
  if (state.frames.length !== current.frames.length) return false;
  const old = state.frame.registers;
  const now = current.frame.registers;
  for (let index = 0; index < REGISTERS; index++) {
    const before = old[index]!;
    const register = now[index]!;
    if (before === register) continue;
    if (before.id !== register.id || before.reference !== register.reference) return false;
    if (!sameButIds(before, register)) return false;
  }
  return true;
};
