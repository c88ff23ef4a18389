import { type HelperPrototype, MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { interval } from "../domain/interval.js";
import * as S from "../domain/scalar.js";
import { ofSigned, settle } from "../domain/settle.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import {
  NOT_INIT,
  type PointerKind,
  pointerRegister,
  type Register,
  scalarRegister,
  UNKNOWN_SCALAR,
} from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Arguments } from "./arguments.js";
import { acquire } from "./resources.js";

/*
 * What a helper leaves in r0.
 */

/** Acquires the object that is returned. Linux gives the pointer an id first and then replaces it by the reference's. */
const acquireResult = (walk: Walk): number => {
  walk.newId();
  return acquire(walk);
};

const MAX_ERRNO = 4095;

/** Numbers: bounded where the helper promises it. */
const returnedNumber = (walk: Walk, helper: HelperPrototype, { sizeLimit }: Arguments): Register => {
  if (helper.name === "bpf_get_smp_processor_id") {
    return scalarRegister(ofSigned(W.ZERO, W.fromInt32(walk.platform.cpus - 1)));
  }
  if (!helper.boundedBySize || sizeLimit === undefined) return UNKNOWN_SCALAR;
  return scalarRegister(
    settle({
      ...S.UNKNOWN,
      s64: interval(W.fromInt32(-MAX_ERRNO), W.fromNumber(sizeLimit)),
      s32: interval(-MAX_ERRNO, Math.min(sizeLimit, 0x7fff_ffff)),
    }),
  );
};

const mapValue = (walk: Walk, { map, mapId }: Arguments, nullable: boolean): Register => {
  const owner = map as MapSpec;
  const rules = walk.platform.mapTypes[owner.type];
  const value = pointerRegister("map_value", { map: owner, mapId, nullable, readOnly: rules?.readOnlyValues === true });
  if (rules?.sockets) {
    const id = acquireResult(walk);
    return value.with({ id, reference: id });
  }
  return nullable || walk.hasLock(owner) ? value.with({ id: walk.newId() }) : value;
};

/** The known key of a look-up in a map where that key always has a value. Some inner maps may differ in size. */
const presentKey = (walk: Walk, helper: HelperPrototype, { map, constantKey }: Arguments): number | undefined =>
  helper.name === "bpf_map_lookup_elem" &&
  walk.platform.mapTypes[map!.type]?.allPresent === true &&
  (map!.flags & MAP_FLAGS.innerMap) === 0
    ? constantKey
    : undefined;

const valueOrNull = (walk: Walk, helper: HelperPrototype, given: Arguments): Register => {
  const key = presentKey(walk, helper, given);
  walk.facts.looksUp(walk.pc, key);
  return mapValue(walk, given, key === undefined);
};

const objectOrNull = (walk: Walk, helper: HelperPrototype, kind: PointerKind, more: Partial<Register>): Register => {
  const reference = helper.acquires ? acquireResult(walk) : (more.reference ?? 0);
  const id = helper.acquires ? reference : walk.newId();
  return pointerRegister(kind, { ...more, nullable: true, id, reference });
};

/** The result of a call whose arguments are right. */
export const returned = (walk: Walk, helper: HelperPrototype, given: Arguments): Register => {
  const { returns } = helper;
  switch (returns.kind) {
    case "scalar":
      return returnedNumber(walk, helper, given);
    case "void":
      return NOT_INIT;
    case "map_value":
      return mapValue(walk, given, false);
    case "map_value_or_null":
      return valueOrNull(walk, helper, given);
    case "memory_or_null":
      return objectOrNull(walk, helper, "mem", { size: given.allocationSize ?? 0, allocated: true });
    case "slice_or_null": {
      const { id, reference } = given.dynptr!;
      return objectOrNull(walk, helper, "mem", { size: given.allocationSize ?? 0, diesWith: id, reference });
    }
    case "socket_or_null":
      return objectOrNull(walk, helper, returns.type, { reference: helper.sameObject ? given.reference : 0 });
    case "unsupported":
      return reject("UNSUPPORTED_HELPER", `what ${helper.name} returns (${returns.type}) is not modelled yet`);
  }
};
