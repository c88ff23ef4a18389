import type { ByteOrder } from "@ebpf/core";
import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import { MAX_DEPTH } from "../limits.js";
import { decodeValue, type ValueOptions } from "./decode.js";
import { type ScalarShape, shapeOf } from "./shape.js";
import type { BtfObject, BtfValue } from "./value.js";

/** As many equal elements in a row are written as one with a count. */
const MIN_REPEAT = 4;
/** Characters of a value: names of members can be as long as the BTF, and come again with every element. */
const MAX_TEXT = 1 << 26;

/**
 * The value of a type as one line for people: `{ pid: 12, comm: "sh", kind: EVENT_OPEN, pad: [0 × 16] }`.
 *
 * @throws BtfError as `decodeValue`; `LIMIT` for a text that nobody could read.
 */
export const formatValue = (btf: Btf, typeId: number, bytes: Uint8Array, options: ValueOptions = {}): string =>
  format(btf, typeId, decodeValue(btf, typeId, bytes, options), options.order ?? btf.order);

const format = (btf: Btf, typeId: number, value: BtfValue, order: ByteOrder): string => {
  const shape = shapeOf(btf, typeId);
  switch (shape.kind) {
    case "scalar":
      if (isBigEndian(btf, typeId)) return formatBigEndian(shape, value as number | bigint, order);
      return formatScalar(shape, value as number | bigint | boolean);
    case "float":
      return String(value);
    case "text":
      return JSON.stringify(value);
    case "list":
      return formatList((value as readonly BtfValue[]).map((element) => format(btf, shape.element, element, order)));
    case "object": {
      const members = shape.fields.map(({ name, type }) => {
        return `${name}: ${format(btf, type, (value as BtfObject)[name]!, order)}`;
      });
      return members.length === 0 ? "{}" : `{ ${joined(members)} }`;
    }
  }
};

/** True for the kernel's `__be16`, `__be32` and `__be64`: numbers in network order, whatever the machine's is. */
const isBigEndian = (btf: Btf, typeId: number): boolean => {
  let type = btf.type(typeId);
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (type.kind === "typedef" && /^__be(16|32|64)$/.test(type.name)) return true;
    if (type.kind !== "typedef" && type.kind !== "const" && type.kind !== "volatile") return false;
    type = btf.type(type.type);
  }
  return false;
};

/** The bytes of a network-order number as they stand in memory: an address reads from left to right. */
const formatBigEndian = (shape: ScalarShape, value: number | bigint, order: ByteOrder): string => {
  const digits = BigInt.asUintN(shape.bitSize, BigInt(value))
    .toString(16)
    .padStart(shape.bitSize / 4, "0");
  const bytes = digits.match(/../g)!;
  return `0x${(order === "little" ? bytes.reverse() : bytes).join("")}`;
};

const formatScalar = (shape: ScalarShape, value: number | bigint | boolean): string => {
  if (shape.as === "pointer") return `0x${value.toString(16)}`;
  return shape.names?.find((named) => named.value === value)?.name ?? String(value);
};

const formatList = (elements: readonly string[]): string => {
  const parts: string[] = [];
  for (let i = 0; i < elements.length; ) {
    const element = elements[i]!;
    let count = 1;
    while (elements[i + count] === element) count++;
    if (count < MIN_REPEAT) for (let n = 0; n < count; n++) parts.push(element);
    else parts.push(`${element} × ${count}`);
    i += count;
  }
  return `[${joined(parts)}]`;
};

const joined = (parts: readonly string[]): string => {
  const length = parts.reduce((sum, part) => sum + part.length + 2, 0);
  if (length > MAX_TEXT) throw new BtfError("LIMIT", `more than ${MAX_TEXT} characters`);
  return parts.join(", ");
};
