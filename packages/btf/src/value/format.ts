import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
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
  format(btf, typeId, decodeValue(btf, typeId, bytes, options));

const format = (btf: Btf, typeId: number, value: BtfValue): string => {
  const shape = shapeOf(btf, typeId);
  switch (shape.kind) {
    case "scalar":
      return formatScalar(shape, value as number | bigint | boolean);
    case "float":
      return String(value);
    case "text":
      return JSON.stringify(value);
    case "list":
      return formatList((value as readonly BtfValue[]).map((element) => format(btf, shape.element, element)));
    case "object": {
      const members = shape.fields.map(({ name, type }) => {
        return `${name}: ${format(btf, type, (value as BtfObject)[name]!)}`;
      });
      return members.length === 0 ? "{}" : `{ ${joined(members)} }`;
    }
  }
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
