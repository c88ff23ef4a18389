import type { BtfKind, IntEncoding } from "./types.js";

/*
 * Numbers of the binary format, shared by decoder and encoder. Source: Linux documentation, "BPF Type Format (BTF)".
 *
 *   btf_type   0         4               8          12 bytes
 *             ┌─────────┬───────────────┬──────────┬────────────────────────┐
 *             │name_off │ info          │size|type │ payload by kind        │
 *             └─────────┴───────────────┴──────────┴────────────────────────┘
 *   info       bit 31: kind flag    28..24: kind    15..0: vlen (members, values, parameters, variables)
 */

/** What BTF begins with. */
export const BTF_MAGIC = 0xeb9f;
/** The only version there is. */
export const BTF_VERSION = 1;
/** Bytes of the header of `.BTF`. */
export const HEADER_SIZE = 24;
/** Bytes that all types begin with. */
export const TYPE_SIZE = 12;
/** Members, values, parameters or variables that a type may have. */
export const MAX_VLEN = 0xffff;

/** The layout of a type, by its second word; of a kind that is known. */
export const layoutOf = (info: number): KindLayout => LAYOUTS[KINDS[(info >>> 24) & 0x1f]!];

/** How many members, values, parameters or variables a type's second word says that follow. */
export const vlenOf = (info: number): number => info & MAX_VLEN;

/** Kinds; the index is the kind's number. */
export const KINDS = [
  "void",
  "int",
  "ptr",
  "array",
  "struct",
  "union",
  "enum",
  "fwd",
  "typedef",
  "volatile",
  "const",
  "restrict",
  "func",
  "func_proto",
  "var",
  "datasec",
  "float",
  "decl_tag",
  "type_tag",
  "enum64",
] as const satisfies readonly BtfKind[];

/** What follows a type's first 12 bytes, and what of it refers to names and to other types. */
export interface KindLayout {
  /** True when the first word is no name, whatever it holds. */
  readonly nameless?: boolean;
  /** True when the third word is the id of a type; else it is a size or nothing. */
  readonly wordIsType?: boolean;
  /** Bytes that follow once, and offsets in them of type ids. */
  readonly once: number;
  readonly onceTypes?: readonly number[];
  /** Bytes that follow for each of `vlen`, what they are called, and offsets in them. */
  readonly each: number;
  readonly list?: "members" | "values" | "parameters" | "variables";
  readonly eachName?: number;
  readonly eachType?: number;
}

const NOTHING = { once: 0, each: 0 } as const;
const REFERENCE = { wordIsType: true, once: 0, each: 0 } as const;
const MODIFIER = { ...REFERENCE, nameless: true } as const;
const MEMBERS = { once: 0, each: 12, list: "members", eachName: 0, eachType: 4 } as const;

/** The layout of each kind. */
export const LAYOUTS: Readonly<Record<BtfKind, KindLayout>> = {
  void: NOTHING,
  int: { once: 4, each: 0 },
  ptr: MODIFIER,
  array: { nameless: true, once: 12, onceTypes: [0, 4], each: 0 },
  struct: MEMBERS,
  union: MEMBERS,
  enum: { once: 0, each: 8, list: "values", eachName: 0 },
  fwd: NOTHING,
  typedef: REFERENCE,
  volatile: MODIFIER,
  const: MODIFIER,
  restrict: MODIFIER,
  func: REFERENCE,
  func_proto: { ...MODIFIER, each: 8, list: "parameters", eachName: 0, eachType: 4 },
  var: { wordIsType: true, once: 4, each: 0 },
  datasec: { once: 0, each: 12, list: "variables", eachType: 0 },
  float: NOTHING,
  decl_tag: { wordIsType: true, once: 4, each: 0 },
  type_tag: REFERENCE,
  enum64: { once: 0, each: 12, list: "values", eachName: 0 },
};

/** Encodings of integers, with their bit. */
export const INT_ENCODINGS: readonly (readonly [IntEncoding, number])[] = [
  ["none", 0],
  ["signed", 1],
  ["char", 2],
  ["bool", 4],
];

/** Linkages of functions and variables; the index is the number. */
export const LINKAGES = ["static", "global", "extern"] as const;

/** In a structure with bitfields, a member's offset word holds the size above the offset. */
export const BITFIELD_SIZE_SHIFT = 24;
/** The offset's part of such a word. */
export const BITFIELD_OFFSET_MASK = 0xff_ffff;
