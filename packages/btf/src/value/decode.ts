import type { ByteOrder } from "@ebpf/core";
import type { Btf } from "../btf.js";
import type { BtfField } from "../fields.js";
import { readBits } from "./bits.js";
import { ValuePath } from "./path.js";
import { type ScalarShape, type Shape, shapeOf } from "./shape.js";
import type { BtfValue } from "./value.js";

/** How values lie in bytes. */
export interface ValueOptions {
  /** Byte order of the bytes; that of the BTF by default. */
  readonly order?: ByteOrder;
}

interface Walk {
  readonly btf: Btf;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly order: ByteOrder;
  readonly path: ValuePath;
}

/**
 * The value of a type that bytes hold; see `BtfValue` for what becomes what. Bytes behind the value are ignored.
 *
 * @throws BtfError `VALUE_SIZE` when there are too few bytes; `INCOMPLETE_TYPE`, `UNSUPPORTED`, `TOO_DEEP`, `LIMIT`.
 */
export const decodeValue = (btf: Btf, typeId: number, bytes: Uint8Array, options: ValueOptions = {}): BtfValue => {
  const size = btf.sizeOf(typeId);
  const path = new ValuePath(btf, typeId, Math.min(size, bytes.length));
  if (bytes.length < size) throw path.error("VALUE_SIZE", `${size} bytes are needed, ${bytes.length} are there`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return read({ btf, bytes, view, order: options.order ?? btf.order, path }, shapeOf(btf, typeId), 0, 0);
};

/** @param bitSize of a bitfield, or 0 */
const read = (walk: Walk, shape: Shape, bitOffset: number, bitSize: number): BtfValue => {
  switch (shape.kind) {
    case "scalar":
      return readScalar(walk, shape, bitOffset + (bitSize === 0 ? shape.bitOffset : 0), bitSize || shape.bitSize);
    case "float":
      return readFloat(walk, bitOffset / 8, shape.size);
    case "text":
      return readText(walk, bitOffset / 8, shape.length);
    case "list":
      return readList(walk, shape, bitOffset);
    case "object":
      return readObject(walk, shape.fields, bitOffset);
  }
};

const readList = (walk: Walk, { element, length, stride }: Shape & { kind: "list" }, bitOffset: number): BtfValue => {
  walk.path.checkInside(walk.bytes, bitOffset, 8 * length * stride);
  const shape = shapeOf(walk.btf, element);
  return Array.from({ length }, (_, i) => walk.path.enter(i, () => read(walk, shape, bitOffset + 8 * i * stride, 0)));
};

/** `fromEntries` defines properties, so a member called `__proto__` is only a member. */
const readObject = (walk: Walk, fields: readonly BtfField[], bitOffset: number): BtfValue =>
  Object.fromEntries(
    fields.map((field) => {
      const shape = shapeOf(walk.btf, field.type);
      const at = bitOffset + field.bitOffset;
      return [field.name, walk.path.enter(field.name, () => read(walk, shape, at, field.bitSize))];
    }),
  );

const readScalar = (walk: Walk, shape: ScalarShape, bitOffset: number, bitSize: number): BtfValue => {
  walk.path.checkInside(walk.bytes, bitOffset, bitSize);
  if (shape.as === "bool") return readBits(walk.bytes, bitOffset, bitSize, walk.order) !== 0n;
  const whole = shape.wide ? undefined : readWhole(walk, shape.signed, bitOffset, bitSize);
  if (whole !== undefined) return whole;
  const bits = readBits(walk.bytes, bitOffset, bitSize, walk.order);
  const value = shape.signed ? BigInt.asIntN(bitSize, bits) : bits;
  return shape.wide ? value : Number(value);
};

/** The common numbers, without the detour over bigint; `undefined` for all others. */
const readWhole = ({ view, order }: Walk, signed: boolean, bitOffset: number, bitSize: number): number | undefined => {
  const offset = bitOffset / 8;
  if (!Number.isInteger(offset)) return undefined;
  const little = order === "little";
  switch (bitSize) {
    case 8:
      return signed ? view.getInt8(offset) : view.getUint8(offset);
    case 16:
      return signed ? view.getInt16(offset, little) : view.getUint16(offset, little);
    case 32:
      return signed ? view.getInt32(offset, little) : view.getUint32(offset, little);
    default:
      return undefined;
  }
};

const readFloat = (walk: Walk, offset: number, size: 4 | 8): number => {
  walk.path.checkInside(walk.bytes, 8 * offset, 8 * size);
  const little = walk.order === "little";
  return size === 4 ? walk.view.getFloat32(offset, little) : walk.view.getFloat64(offset, little);
};

const readText = (walk: Walk, offset: number, length: number): string => {
  walk.path.checkInside(walk.bytes, 8 * offset, 8 * length);
  const bytes = walk.bytes.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};
