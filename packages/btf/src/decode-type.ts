import type { ByteReader, MalformedCode } from "@ebpf/core";
import type { BtfKind, BtfMember, BtfType, BtfTypeOf } from "./types.js";
import { BITFIELD_OFFSET_MASK, BITFIELD_SIZE_SHIFT, INT_ENCODINGS, LINKAGES, TYPE_SIZE } from "./wire.js";

/** One type as it lies in the section; its bytes are all there. */
export interface TypeRecord {
  /** The whole section. */
  readonly reader: ByteReader;
  readonly kind: Exclude<BtfKind, "void">;
  /** How many members, values, parameters or variables follow. */
  readonly count: number;
  /** The kind flag. */
  readonly flag: boolean;
  /** The word that is a size or a type id. */
  readonly word: number;
  readonly at: number;
  readonly end: number;
  /** The string at an offset; throws when there is none. `place` is what to append to the type's path. */
  readonly text: (offset: number, place?: string) => string;
  readonly fail: (code: MalformedCode, problem: string, place?: string, offset?: number) => never;
}

/** Decodes one type. */
export const decodeType = (record: TypeRecord): BtfType => DECODERS[record.kind](record);

const nameOf = (record: TypeRecord): string => record.text(record.reader.u32(record.at));

/** Reads each of the `count` entries behind the first 12 bytes; every entry has `size` bytes. */
const entries = <T>(record: TypeRecord, size: number, read: (at: number, index: number) => T): T[] =>
  Array.from({ length: record.count }, (_, i) => read(record.at + TYPE_SIZE + i * size, i));

const int = (record: TypeRecord): BtfTypeOf<"int"> => {
  const word = record.reader.u32(record.at + TYPE_SIZE);
  const size = record.word;
  const bits = word & 0xff;
  const bitOffset = (word >>> 16) & 0xff;
  const encoding = INT_ENCODINGS.find(([, bit]) => bit === ((word >>> 24) & 0xf))?.[0];
  if (encoding === undefined) return record.fail("BAD_VALUE", `encoding ${(word >>> 24) & 0xf} is not known`);
  if (bits > 128 || bitOffset + bits > 8 * size || size > 16) {
    record.fail("OUT_OF_RANGE", `${bits} bits from bit ${bitOffset} don't fit into an integer of ${size} bytes`);
  }
  return { kind: "int", name: nameOf(record), size, encoding, bits, bitOffset };
};

const array = ({ reader, at }: TypeRecord): BtfTypeOf<"array"> => ({
  kind: "array",
  elementType: reader.u32(at + TYPE_SIZE),
  indexType: reader.u32(at + TYPE_SIZE + 4),
  length: reader.u32(at + TYPE_SIZE + 8),
});

const member = (record: TypeRecord, at: number, index: number): BtfMember => {
  const word = record.reader.u32(at + 8);
  const bitOffset = record.flag ? word & BITFIELD_OFFSET_MASK : word;
  const bitSize = record.flag ? word >>> BITFIELD_SIZE_SHIFT : 0;
  const place = `/members[${index}]`;
  if (bitOffset + bitSize > 8 * record.word) {
    record.fail("OUT_OF_RANGE", `bit offset ${bitOffset} lies outside of ${record.word} bytes`, place, at + 8);
  }
  if (record.kind === "union" && bitOffset !== 0) {
    record.fail("BAD_VALUE", `bit offset ${bitOffset} in a union`, place, at + 8);
  }
  return { name: record.text(record.reader.u32(at), place), type: record.reader.u32(at + 4), bitOffset, bitSize };
};

const composite =
  <K extends "struct" | "union">(kind: K) =>
  (record: TypeRecord): BtfType => ({
    kind,
    name: nameOf(record),
    size: record.word,
    members: entries(record, 12, (at, i) => member(record, at, i)),
  });

/** Sizes that enumerations may have. */
const checkEnumSize = (record: TypeRecord): number => {
  if (![1, 2, 4, 8].includes(record.word)) record.fail("BAD_VALUE", `enumeration of ${record.word} bytes`);
  return record.word;
};

const enumeration = (record: TypeRecord): BtfTypeOf<"enum"> => {
  const { reader, flag: signed } = record;
  const size = checkEnumSize(record);
  const values = entries(record, 8, (at, i) => ({
    name: record.text(reader.u32(at), `/values[${i}]`),
    value: signed ? reader.i32(at + 4) : reader.u32(at + 4),
  }));
  return { kind: "enum", name: nameOf(record), size, signed, values };
};

const enumeration64 = (record: TypeRecord): BtfTypeOf<"enum64"> => {
  const { reader, flag: signed } = record;
  const size = checkEnumSize(record);
  const values = entries(record, 12, (at, i) => {
    const bits = (BigInt(reader.u32(at + 8)) << 32n) | BigInt(reader.u32(at + 4));
    return { name: record.text(reader.u32(at), `/values[${i}]`), value: signed ? BigInt.asIntN(64, bits) : bits };
  });
  return { kind: "enum64", name: nameOf(record), size, signed, values };
};

const linkage = (record: TypeRecord, number: number) =>
  LINKAGES[number] ?? record.fail("BAD_VALUE", `linkage ${number} is not known`);

const modifier =
  (kind: "volatile" | "const" | "restrict" | "ptr") =>
  (record: TypeRecord): BtfType => ({ kind, type: record.word });

const DECODERS: Readonly<Record<TypeRecord["kind"], (record: TypeRecord) => BtfType>> = {
  int,
  array,
  ptr: modifier("ptr"),
  struct: composite("struct"),
  union: composite("union"),
  enum: enumeration,
  enum64: enumeration64,
  fwd: (record) => ({ kind: "fwd", name: nameOf(record), target: record.flag ? "union" : "struct" }),
  typedef: (record) => ({ kind: "typedef", name: nameOf(record), type: record.word }),
  volatile: modifier("volatile"),
  const: modifier("const"),
  restrict: modifier("restrict"),
  func: (record) => ({
    kind: "func",
    name: nameOf(record),
    type: record.word,
    linkage: linkage(record, record.count),
  }),
  func_proto: (record) => ({
    kind: "func_proto",
    returnType: record.word,
    parameters: entries(record, 8, (at, i) => ({
      name: record.text(record.reader.u32(at), `/parameters[${i}]`),
      type: record.reader.u32(at + 4),
    })),
  }),
  var: (record) => ({
    kind: "var",
    name: nameOf(record),
    type: record.word,
    linkage: linkage(record, record.reader.u32(record.at + TYPE_SIZE)),
  }),
  datasec: (record) => ({
    kind: "datasec",
    name: nameOf(record),
    size: record.word,
    variables: entries(record, 12, (at) => ({
      type: record.reader.u32(at),
      offset: record.reader.u32(at + 4),
      size: record.reader.u32(at + 8),
    })),
  }),
  float: (record) => ({ kind: "float", name: nameOf(record), size: record.word }),
  decl_tag: (record) => ({
    kind: "decl_tag",
    name: nameOf(record),
    type: record.word,
    component: record.reader.i32(record.at + TYPE_SIZE),
    attribute: record.flag,
  }),
  type_tag: (record) => ({ kind: "type_tag", name: nameOf(record), type: record.word, attribute: record.flag }),
};
