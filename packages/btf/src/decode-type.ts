import type { StringTable } from "./strings.js";
import type { BtfKind, BtfMember, BtfType, BtfTypeOf } from "./types.js";
import {
  BITFIELD_OFFSET_MASK,
  BITFIELD_SIZE_SHIFT,
  INT_ENCODINGS,
  KINDS,
  LAYOUTS,
  LINKAGES,
  TYPE_SIZE,
  vlenOf,
} from "./wire.js";

/** A section of types that are known to be well-formed. */
export interface TypeBytes {
  readonly view: DataView;
  readonly little: boolean;
  readonly strings: StringTable;
}

/** Decodes the type at an offset of a section. */
export const decodeType = (bytes: TypeBytes, at: number): BtfType => {
  const info = bytes.view.getUint32(at + 4, bytes.little);
  const kind = KINDS[(info >>> 24) & 0x1f] as Exclude<BtfKind, "void">;
  return DECODERS[kind](new TypeRecord(bytes, at, kind, info));
};

/** One type as it lies in the section. */
class TypeRecord {
  readonly at: number;
  /** How many members, values, parameters or variables follow. */
  readonly count: number;
  /** The kind flag. */
  readonly flag: boolean;
  readonly #bytes: TypeBytes;
  readonly #each: number;

  constructor(bytes: TypeBytes, at: number, kind: BtfKind, info: number) {
    this.at = at;
    this.count = vlenOf(info);
    this.flag = info >>> 31 === 1;
    this.#bytes = bytes;
    this.#each = LAYOUTS[kind].each;
  }

  get name(): string {
    return this.text(this.at);
  }

  /** The word that is a size or a type id. */
  get word(): number {
    return this.u32(this.at + 8);
  }

  /** The first word behind what all types begin with. */
  get payload(): number {
    return this.u32(this.at + TYPE_SIZE);
  }

  u32(offset: number): number {
    return this.#bytes.view.getUint32(offset, this.#bytes.little);
  }

  /** The string whose offset stands at an offset. */
  text(offset: number): string {
    return this.#bytes.strings.at(this.u32(offset))!;
  }

  /** Reads each of the `count` entries behind the first 12 bytes. */
  entries<T>(read: (at: number) => T): T[] {
    const entries: T[] = [];
    for (let i = 0; i < this.count; i++) entries.push(read(this.at + TYPE_SIZE + i * this.#each));
    return entries;
  }
}

const int = (record: TypeRecord): BtfTypeOf<"int"> => {
  const { payload } = record;
  const encoding = INT_ENCODINGS.find(([, bit]) => bit === ((payload >>> 24) & 0xf))![0];
  const bitOffset = (payload >>> 16) & 0xff;
  return { kind: "int", name: record.name, size: record.word, encoding, bits: payload & 0xff, bitOffset };
};

const array = (record: TypeRecord): BtfTypeOf<"array"> => ({
  kind: "array",
  elementType: record.payload,
  indexType: record.u32(record.at + TYPE_SIZE + 4),
  length: record.u32(record.at + TYPE_SIZE + 8),
});

const member = (record: TypeRecord, at: number): BtfMember => {
  const word = record.u32(at + 8);
  return {
    name: record.text(at),
    type: record.u32(at + 4),
    bitOffset: record.flag ? word & BITFIELD_OFFSET_MASK : word,
    bitSize: record.flag ? word >>> BITFIELD_SIZE_SHIFT : 0,
  };
};

const composite =
  <K extends "struct" | "union">(kind: K) =>
  (record: TypeRecord): BtfType => ({
    kind,
    name: record.name,
    size: record.word,
    members: record.entries((at) => member(record, at)),
  });

const enumeration = (record: TypeRecord): BtfTypeOf<"enum"> => {
  const { flag: signed } = record;
  const values = record.entries((at) => {
    const bits = record.u32(at + 4);
    return { name: record.text(at), value: signed ? bits | 0 : bits };
  });
  return { kind: "enum", name: record.name, size: record.word, signed, values };
};

const enumeration64 = (record: TypeRecord): BtfTypeOf<"enum64"> => {
  const { flag: signed } = record;
  const values = record.entries((at) => {
    const bits = (BigInt(record.u32(at + 8)) << 32n) | BigInt(record.u32(at + 4));
    return { name: record.text(at), value: signed ? BigInt.asIntN(64, bits) : bits };
  });
  return { kind: "enum64", name: record.name, size: record.word, signed, values };
};

const modifier =
  (kind: "volatile" | "const" | "restrict" | "ptr") =>
  (record: TypeRecord): BtfType => ({ kind, type: record.word });

const DECODERS: Readonly<Record<Exclude<BtfKind, "void">, (record: TypeRecord) => BtfType>> = {
  int,
  array,
  ptr: modifier("ptr"),
  struct: composite("struct"),
  union: composite("union"),
  enum: enumeration,
  enum64: enumeration64,
  fwd: (record) => ({ kind: "fwd", name: record.name, target: record.flag ? "union" : "struct" }),
  typedef: (record) => ({ kind: "typedef", name: record.name, type: record.word }),
  volatile: modifier("volatile"),
  const: modifier("const"),
  restrict: modifier("restrict"),
  func: (record) => ({
    kind: "func",
    name: record.name,
    type: record.word,
    linkage: LINKAGES[record.count]!,
  }),
  func_proto: (record) => ({
    kind: "func_proto",
    returnType: record.word,
    parameters: record.entries((at) => ({ name: record.text(at), type: record.u32(at + 4) })),
  }),
  var: (record) => ({
    kind: "var",
    name: record.name,
    type: record.word,
    linkage: LINKAGES[record.payload]!,
  }),
  datasec: (record) => ({
    kind: "datasec",
    name: record.name,
    size: record.word,
    variables: record.entries((at) => ({
      type: record.u32(at),
      offset: record.u32(at + 4),
      size: record.u32(at + 8),
    })),
  }),
  float: (record) => ({ kind: "float", name: record.name, size: record.word }),
  decl_tag: (record) => ({
    kind: "decl_tag",
    name: record.name,
    type: record.word,
    component: record.payload | 0,
    attribute: record.flag,
  }),
  type_tag: (record) => ({ kind: "type_tag", name: record.name, type: record.word, attribute: record.flag }),
};
