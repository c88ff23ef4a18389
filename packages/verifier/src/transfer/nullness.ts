import type { MapSpec } from "@ebpf/platform";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { type Register, UNKNOWN_SCALAR, ZERO_SCALAR } from "../state/register.js";
import type { State } from "../state/state.js";
import type { Walk } from "../walk.js";

/** An inner map of which nothing is known but that it is one. */
const UNKNOWN_MAP: MapSpec = { name: "", type: "unspec", keySize: 0, valueSize: 0, maxEntries: 0, flags: 0 };

/** What a nullable pointer is once it is known not to be NULL. The value of a map of maps is a map. */
export const withoutNull = (walk: Walk, register: Register): Register => {
  const { map, id } = register;
  // The id told that copies are NULL together; from here on it only tells values with different locks apart.
  const known = register.with({ nullable: false, id: 0 });
  if (register.kind !== "map_value" || map === undefined) return known;
  const { nested, values } = walk.platform.mapTypes[map.type] ?? {};
  if (nested) return known.with({ kind: "map_ptr", map: map.inner ?? UNKNOWN_MAP, mapId: id });
  if (values !== undefined) return known.with({ kind: values, map: undefined });
  return walk.hasLock(map) ? known.with({ id }) : known;
};

const isPlain = (register: Register): boolean => {
  const value = S.constantValue(register.value);
  return register.offset === 0 && value !== undefined && W.isZero(value);
};

/**
 * Tells every copy of a nullable pointer what a comparison with NULL found. A reference that turned out to be NULL is
 * nothing that must be given back.
 */
export const settleNullness = (walk: Walk, state: State, pointer: Register, isNullNow: boolean): void => {
  const { id, reference } = pointer;
  state.mapRegisters((register) => {
    if (!register.nullable || register.id !== id) return register;
    if (isNullNow) return isPlain(register) ? ZERO_SCALAR : UNKNOWN_SCALAR;
    return isPlain(register) ? withoutNull(walk, register) : register;
  });
  if (isNullNow && reference !== 0 && reference === id) {
    state.references = state.references.filter((held) => held.id !== reference);
  }
};
