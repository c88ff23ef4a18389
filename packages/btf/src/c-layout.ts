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
  const alignment = 8 * btf.alignOf(type);
  if (bits === 0) return roundUp(end, alignment);
  const unit = 8 * btf.sizeOf(type);
  if (bits > unit) throw new BtfError("UNENCODABLE", `bitfield ${name} of ${bits} bits in a type of ${unit} bits`);
  const crosses = Math.floor(end / unit) !== Math.floor((end + bits - 1) / unit);
  return crosses ? roundUp(end, alignment) : end;
};
