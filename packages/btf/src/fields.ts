import type { Btf } from "./btf.js";
import { BtfError } from "./errors.js";
import { MAX_DEPTH } from "./limits.js";

/** A named part of a structure, union or data section. */
export interface BtfField {
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the outermost structure. */
  readonly bitOffset: number;
  /** Bits of a bitfield; 0 for a field that takes its type's whole size. */
  readonly bitSize: number;
}

/** More fields than any type that was meant; anonymous members could multiply them without end. */
const MAX_FIELDS = 1 << 18;

const collect = (btf: Btf, id: number, base: number, depth: number, into: BtfField[]): void => {
  if (depth > MAX_DEPTH)
    throw new BtfError("TOO_DEEP", `anonymous members nest deeper than ${MAX_DEPTH}`, btf.placeOf(id));
  const type = btf.resolvedType(id);
  if (type.kind === "datasec") {
    for (const { type: variableId, offset } of type.variables) {
      const variable = btf.type(variableId);
      if (variable.kind !== "var") continue;
      into.push({ name: variable.name, type: variable.type, bitOffset: 8 * offset, bitSize: 0 });
    }
    return;
  }
  if (type.kind !== "struct" && type.kind !== "union") {
    throw new BtfError("INCOMPLETE_TYPE", `${btf.typeName(id)} has no members`, btf.placeOf(id));
  }
  for (const member of type.members) {
    const bitOffset = base + member.bitOffset;
    if (member.name !== "") into.push({ ...member, bitOffset });
    else if (hasMembers(btf, member.type)) collect(btf, member.type, bitOffset, depth + 1, into);
    if (into.length > MAX_FIELDS) throw new BtfError("LIMIT", `more than ${MAX_FIELDS} fields`, btf.placeOf(id));
  }
};

const hasMembers = (btf: Btf, id: number): boolean => {
  const { kind } = btf.resolvedType(id);
  return kind === "struct" || kind === "union";
};

/** Lists the fields of a structure, union or data section; see `Btf.fields`. */
export const flattenFields = (btf: Btf, id: number): readonly BtfField[] => {
  const fields: BtfField[] = [];
  collect(btf, id, 0, 0, fields);
  return fields;
};
