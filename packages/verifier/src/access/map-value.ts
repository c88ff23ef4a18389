import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { unknownOf } from "../domain/cast.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";
import { checkRegion, type RegionAccess } from "./region.js";

/** A map's flags let programs read or write its values. */
const checkPermission = ({ pointer, offset, size }: RegionAccess, map: MapSpec, kind: "read" | "write"): void => {
  const at = pointer.offset + offset;
  const place = `value_size=${map.valueSize} off=${at} size=${size}`;
  if (kind === "write" && (pointer.readOnly || (map.flags & MAP_FLAGS.readOnlyProgram) !== 0)) {
    reject("READ_ONLY", `write into map forbidden, ${place}`);
  }
  if (kind === "read" && (map.flags & MAP_FLAGS.writeOnlyProgram) !== 0) {
    reject("WRITE_ONLY", `read from map forbidden, ${place}`);
  }
};

/** Fields that belong to the kernel are not touched by loads, stores or helpers. */
const checkSpecialFields = (walk: Walk, map: MapSpec, { pointer, offset, size }: RegionAccess): void => {
  const first = pointer.offset + offset + W.toNumber(pointer.value.s64.min);
  const behind = pointer.offset + offset + W.toUnsignedNumber(pointer.value.u64.max) + size;
  for (const field of walk.fieldsOf(map)) {
    if (first < field.offset + field.size && field.offset < behind) {
      if (field.name === "kptr")
        reject("UNSUPPORTED_ACCESS", "pointers to kernel objects in maps are not modelled yet");
      reject("SPECIAL_FIELD", `${field.name} cannot be accessed directly by load/store`);
    }
  }
};

/** Checks that some bytes of a map value may be accessed by the program, or by a helper for it. */
export const checkMapValue = (walk: Walk, access: RegionAccess, kind: "read" | "write"): void => {
  const map = access.pointer.map!;
  checkPermission(access, map, kind);
  checkRegion(access, map.valueSize, "map_value");
  checkSpecialFields(walk, map, access);
};

/** The bytes of a map whose content is part of the program, or `undefined`. */
export const frozenContent = (map: MapSpec): Uint8Array | undefined => {
  if (!map.frozen || map.type !== "array" || map.maxEntries !== 1 || (map.flags & MAP_FLAGS.readOnlyProgram) === 0)
    return undefined;
  const value = map.initial?.[0]?.value;
  return value instanceof Uint8Array ? value : undefined;
};

/** A number read from known bytes in the program's byte order. */
const readConstant = (bytes: Uint8Array, at: number, size: number, little: boolean): W.Word => {
  let value = W.ZERO;
  for (let index = 0; index < size; index++) {
    const byte = bytes[little ? at + size - 1 - index : at + index] ?? 0;
    value = W.or(W.shiftLeft(value, 8), W.fromUint32(byte));
  }
  return value;
};

export const accessMapValue = (walk: Walk, access: Access): Register => {
  const { pointer, offset, size, kind } = access;
  const map = pointer.map!;
  checkMapValue(walk, access, kind);
  walk.facts.usesMap(walk.pc, walk.mapHandle(map));
  const variable = S.constantValue(pointer.value);
  const content = kind === "read" ? frozenContent(map) : undefined;
  if (content === undefined || variable === undefined) return scalarRegister(unknownOf(size));
  const at = pointer.offset + offset + W.toNumber(variable);
  return scalarRegister(S.constant(readConstant(content, at, size, walk.program.spec.byteOrder === "little")));
};
