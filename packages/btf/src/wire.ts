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

/** Bytes that follow a type's first 12: once, and for each of `vlen`. */
export const PAYLOAD: Readonly<Record<BtfKind, { readonly once: number; readonly each: number }>> = {
  void: { once: 0, each: 0 },
  int: { once: 4, each: 0 },
  ptr: { once: 0, each: 0 },
  array: { once: 12, each: 0 },
  struct: { once: 0, each: 12 },
  union: { once: 0, each: 12 },
  enum: { once: 0, each: 8 },
  fwd: { once: 0, each: 0 },
  typedef: { once: 0, each: 0 },
  volatile: { once: 0, each: 0 },
  const: { once: 0, each: 0 },
  restrict: { once: 0, each: 0 },
  func: { once: 0, each: 0 },
  func_proto: { once: 0, each: 8 },
  var: { once: 4, each: 0 },
  datasec: { once: 0, each: 12 },
  float: { once: 0, each: 0 },
  decl_tag: { once: 4, each: 0 },
  type_tag: { once: 0, each: 0 },
  enum64: { once: 0, each: 12 },
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
