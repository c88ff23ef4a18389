import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { type Register, UNKNOWN_SCALAR, ZERO_SCALAR } from "../state/register.js";
import type { State } from "../state/state.js";

/** What a nullable pointer is once it is known not to be NULL. The value of a map of maps is a map. */
export const withoutNull = (register: Register): Register => {
  const { map } = register;
  const known: Register = {
    ...register,
    nullable: false,
    // The id told that copies are null together.
    id: 0,
  };
  if (register.kind !== "map_value" || map?.inner === undefined) {
    return register.kind === "map_value" ? { ...known, id: 0, mapId: register.mapId } : known;
  }
  return { ...known, kind: "map_ptr", map: map.inner, mapId: register.id, id: 0 };
};

const isPlain = (register: Register): boolean => {
  const value = S.constantValue(register.value);
  return register.offset === 0 && value !== undefined && W.isZero(value);
};

/**
 * Tells every copy of a nullable pointer what a comparison with NULL found. A reference that turned out to be NULL is
 * nothing that must be given back.
 */
export const settleNullness = (state: State, pointer: Register, isNullNow: boolean): void => {
  const { id, reference } = pointer;
  state.mapRegisters((register) => {
    if (!register.nullable || register.id !== id) return register;
    if (isNullNow) return isPlain(register) ? ZERO_SCALAR : UNKNOWN_SCALAR;
    return isPlain(register) ? withoutNull(register) : register;
  });
  if (isNullNow && reference !== 0 && reference === id) {
    state.references = state.references.filter((held) => held.id !== reference);
  }
};
