import type { MapSpec } from "@ebpf/platform";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { type Register, UNKNOWN_SCALAR, ZERO_SCALAR } from "../state/register.js";
import type { State } from "../state/state.js";
import type { Walk } from "../walk.js";

/** An inner map of which nothing is known but that it is one. */
const UNKNOWN_MAP: MapSpec = { name: "", type: "unspec", keySize: 0, valueSize: 0, maxEntries: 0, flags: 0 };

/** What a nullable pointer is once it is known not to be NULL. The values of some maps are maps and sockets. */
export const withoutNull = (walk: Walk, register: Register): Register => {
  const { map, id } = register;
  const known = register.with({ nullable: false });
  if (register.kind !== "map_value" || map === undefined) return known;
  const { nested, values } = walk.platform.mapTypes[map.type] ?? {};
  if (nested) return known.with({ kind: "map_ptr", map: map.inner ?? UNKNOWN_MAP, mapId: id });
  return values === undefined ? known : known.with({ kind: values, map: undefined, mapId: 0 });
};

/** The same behind a comparison with NULL: the id told that copies are NULL together, and now only tells locks apart. */
const behindCheck = (walk: Walk, register: Register): Register => {
  const known = withoutNull(walk, register);
  return known.kind === "map_value" && walk.hasLock(known.map!) ? known : known.with({ id: 0 });
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
    return isPlain(register) ? behindCheck(walk, register) : register;
  });
  if (isNullNow && reference !== 0 && reference === id) {
    state.references = state.references.filter((held) => held.id !== reference);
  }
};
