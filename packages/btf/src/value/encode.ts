import type { ByteOrder } from "@ebpf/core";
import type { Btf } from "../btf.js";
import type { BtfField } from "../fields.js";
import { writeBits } from "./bits.js";
import type { ValueOptions } from "./decode.js";
import { ValuePath } from "./path.js";
import { type ScalarShape, type Shape, shapeOf } from "./shape.js";
import type { BtfValue } from "./value.js";

/** Bytes that one value may have: more than any map value, and less than what would hurt. */
const MAX_SIZE = 1 << 28;

interface Walk {
  readonly btf: Btf;
  readonly bytes: Uint8Array;
  readonly order: ByteOrder;
  readonly path: ValuePath;
}

/**
 * The bytes of a value of a type: the inverse of `decodeValue`, and kinder. Numbers may be given as number or bigint,
 * enumerations by name, `bool` only as boolean. Members that are left out are zero, as in a C initialiser; of a
 * union's members those that are given are written in the order of the type.
 *
 * @throws BtfError `VALUE_TYPE`, `VALUE_RANGE`, `VALUE_SIZE` with the member's `path`; `INCOMPLETE_TYPE`,
 *   `UNSUPPORTED`, `TOO_DEEP`, `LIMIT` for the type.
 */
export const encodeValue = (btf: Btf, typeId: number, value: BtfValue, options: ValueOptions = {}): Uint8Array => {
  const size = btf.sizeOf(typeId);
  const path = new ValuePath(btf, typeId, size);
  if (size > MAX_SIZE) throw path.error("LIMIT", `${size} bytes; a value has ${MAX_SIZE} at most`);
  const bytes = new Uint8Array(size);
  write({ btf, bytes, order: options.order ?? btf.order, path }, typeId, { bitOffset: 0, bitSize: 0 }, value);
  return bytes;
};

type Place = Pick<BtfField, "bitOffset" | "bitSize">;

const write = (walk: Walk, typeId: number, place: Place, value: BtfValue): void => {
  const shape = shapeOf(walk.btf, typeId);
  switch (shape.kind) {
    case "scalar":
      writeScalar(walk, shape, place, value);
      return;
    case "float":
      writeFloat(walk, place.bitOffset, shape.size, value);
      return;
    case "text":
      writeText(walk, place.bitOffset, shape.length, value);
      return;
    case "list":
      writeList(walk, shape, place.bitOffset, value);
      return;
    case "object":
      writeObject(walk, shape.fields, place.bitOffset, value);
  }
};

const writeScalar = (walk: Walk, shape: ScalarShape, place: Place, value: BtfValue): void => {
  const inBitfield = place.bitSize > 0;
  const bitOffset = place.bitOffset + (inBitfield ? 0 : shape.bitOffset);
  const bitSize = inBitfield ? place.bitSize : shape.bitSize;
  const number = scalarValue(walk, shape, value);
  const low = shape.signed ? -(1n << BigInt(bitSize - 1)) : 0n;
  const high = (1n << BigInt(shape.signed ? bitSize - 1 : bitSize)) - 1n;
  if (number < low || number > high) throw walk.path.error("VALUE_RANGE", `${number} is outside of ${low}..${high}`);
  walk.path.checkInside(walk.bytes, bitOffset, bitSize);
  writeBits(walk.bytes, { bitOffset, bitSize }, walk.order, number);
};

/** The number that a value stands for. */
const scalarValue = (walk: Walk, shape: ScalarShape, value: BtfValue): bigint => {
  if (shape.as === "bool") {
    if (typeof value !== "boolean") throw mismatch(walk, "a boolean", value);
    return value ? 1n : 0n;
  }
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (shape.names === undefined || typeof value !== "string") throw mismatch(walk, "an integer", value);
  const named = shape.names.find(({ name }) => name === value);
  if (named === undefined) throw walk.path.error("VALUE_RANGE", `the enumeration has no ${JSON.stringify(value)}`);
  return BigInt(named.value);
};

const writeFloat = (walk: Walk, bitOffset: number, size: 4 | 8, value: BtfValue): void => {
  if (typeof value !== "number") throw mismatch(walk, "a number", value);
  walk.path.checkInside(walk.bytes, bitOffset, 8 * size);
  const view = new DataView(walk.bytes.buffer);
  const little = walk.order === "little";
  if (size === 4) view.setFloat32(bitOffset / 8, value, little);
  else view.setFloat64(bitOffset / 8, value, little);
};

const writeText = (walk: Walk, bitOffset: number, length: number, value: BtfValue): void => {
  if (typeof value !== "string") throw mismatch(walk, "a string", value);
  const text = new TextEncoder().encode(value);
  if (text.length > length) throw walk.path.error("VALUE_RANGE", `${text.length} bytes of text; ${length} fit`);
  walk.path.checkInside(walk.bytes, bitOffset, 8 * length);
  walk.bytes.set(text, bitOffset / 8);
};

const writeList = (walk: Walk, shape: Shape & { kind: "list" }, bitOffset: number, value: BtfValue): void => {
  if (!Array.isArray(value)) throw mismatch(walk, "an array", value);
  const elements: readonly BtfValue[] = value;
  if (elements.length !== shape.length) {
    throw walk.path.error("VALUE_SIZE", `${elements.length} elements where ${shape.length} are needed`);
  }
  elements.forEach((element, i) => {
    const place = { bitOffset: bitOffset + 8 * i * shape.stride, bitSize: 0 };
    walk.path.enter(i, () => write(walk, shape.element, place, element));
  });
};

const isObject = (value: BtfValue): value is { readonly [member: string]: BtfValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const writeObject = (walk: Walk, fields: readonly BtfField[], bitOffset: number, value: BtfValue): void => {
  if (!isObject(value)) throw mismatch(walk, "an object", value);
  const unknown = Object.keys(value).find((key) => !fields.some(({ name }) => name === key));
  if (unknown !== undefined) throw walk.path.error("VALUE_TYPE", `there is no member ${JSON.stringify(unknown)}`);
  for (const field of fields) {
    const member = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
    if (member === undefined) continue;
    const place = { bitOffset: bitOffset + field.bitOffset, bitSize: field.bitSize };
    walk.path.enter(field.name, () => write(walk, field.type, place, member));
  }
};

const mismatch = (walk: Walk, wanted: string, value: BtfValue) => {
  const given = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  return walk.path.error("VALUE_TYPE", `${wanted} is needed, not ${given}`);
};
