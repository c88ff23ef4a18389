import type { Btf } from "./btf.js";
import { BtfError } from "./errors.js";
import type { BtfComposite, BtfMember } from "./types.js";

/** A member to be laid out: the id of its type, or that and the bits of a bitfield. */
export type MemberSpec = number | { readonly type: number; readonly bits: number };

/** Members by name, in order. A name in parentheses, such as `(either)`, stands for an anonymous member. */
export type MemberSpecs = Readonly<Record<string, MemberSpec>>;

/**
 * Places members as C compilers do on Linux: each at the next multiple of its alignment, a bitfield at the next bit
 * unless it would cross a border of its type, the size rounded up to the largest alignment.
 *
 * @param btf knows the members' types
 * @throws BtfError `INCOMPLETE_TYPE` for members without a size; `UNENCODABLE` for bitfields wider than their type.
 */
export const layOut = <K extends "struct" | "union">(
  btf: Btf,
  kind: K,
  name: string,
  specs: MemberSpecs,
): BtfComposite<K> => {
  const members: BtfMember[] = [];
  let end = 0;
  let largestEnd = 0;
  let alignment = 1;
  for (const [memberName, spec] of Object.entries(specs)) {
    const { type, bits } = typeof spec === "number" ? { type: spec, bits: 0 } : spec;
    const bitOffset = kind === "union" ? 0 : place(btf, memberName, type, bits, end);
    members.push({ name: memberName.startsWith("(") ? "" : memberName, type, bitOffset, bitSize: bits });
    end = bitOffset + (bits || 8 * btf.sizeOf(type));
    largestEnd = Math.max(largestEnd, end);
    alignment = Math.max(alignment, btf.alignOf(type));
  }
  return { kind, name, size: roundUp(largestEnd, 8 * alignment) / 8, members };
};

const roundUp = (value: number, to: number): number => to * Math.ceil(value / to);

const place = (btf: Btf, name: string, type: number, bits: number, end: number): number => {
  const unit = 8 * btf.sizeOf(type);
  if (bits > unit) throw new BtfError("UNENCODABLE", `bitfield ${name} of ${bits} bits in a type of ${unit} bits`);
  return nextOffset({ size: unit / 8, alignment: btf.alignOf(type), bitSize: bits }, end);
};

/** What decides where C puts a member: bytes of its type, and the bits of a bitfield or 0. */
export interface Extent {
  readonly size: number;
  readonly alignment: number;
  readonly bitSize: number;
}

/** The bit at which C puts a member when the one before ends at bit `end`. */
export const nextOffset = ({ size, alignment, bitSize }: Extent, end: number, packed = false): number => {
  if (packed) return bitSize === 0 ? roundUp(end, 8) : end;
  if (bitSize === 0) return roundUp(end, 8 * alignment);
  const unit = 8 * size;
  return Math.floor(end / unit) === Math.floor((end + bitSize - 1) / unit) ? end : roundUp(end, 8 * alignment);
};

/** How C has to lay a structure out for its members to lie where they do. */
export interface CLayout {
  /** True when members or size are off their natural alignment, which BTF does not record otherwise. */
  readonly packed: boolean;
  /** Bytes. */
  readonly alignment: number;
}

/**
 * Finds out how a structure was declared.
 *
 * @param sizeOf bytes of a type, by id
 * @param alignOf bytes that a type is aligned to, by id
 */
export const layoutOfComposite = (
  type: BtfComposite,
  sizeOf: (id: number) => number,
  alignOf: (id: number) => number,
): CLayout => {
  let end = 0;
  let alignment = 1;
  for (const { type: id, bitOffset, bitSize } of type.members) {
    const extent = { size: sizeOf(id), alignment: alignOf(id), bitSize };
    const isNatural = nextOffset(extent, bitOffset) === bitOffset && nextOffset(extent, end) <= bitOffset;
    if (!isNatural) return { packed: true, alignment: 1 };
    if (type.kind === "struct") end = bitOffset + (bitSize || 8 * extent.size);
    alignment = Math.max(alignment, extent.alignment);
  }
  return type.size % alignment === 0 ? { packed: false, alignment } : { packed: true, alignment: 1 };
};
