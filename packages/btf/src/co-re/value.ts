import { assertNever } from "@ebpf/core";
import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import type { CoreRelocationKind } from "../ext.js";
import type { BtfComposite, BtfEnum, BtfEnum64, BtfMember } from "../types.js";
import { type CoreSpec, subjectOf } from "./spec.js";

/** What a relocation's value is in one BTF. */
export interface SpecValue {
  /** Unsigned 64 bits. */
  readonly value: bigint;
  /** False where a compiler may have meant another value than this. */
  readonly certain: boolean;
  /** What lies at a byte offset, so that a load can follow its size; absent for bitfields and anything but offsets. */
  readonly memory?: { readonly size: number; readonly type: number };
}

/** The value of a relocation that finds nothing, or `undefined` where the instruction then makes no sense. */
export const missingValue = (kind: CoreRelocationKind): bigint | undefined => {
  if (subjectOf(kind) === "type" || kind === "field_exists" || kind === "enumval_exists") return 0n;
  return undefined;
};

/**
 * The value of a relocation for a place in a BTF.
 *
 * @throws BtfError `INCOMPLETE_TYPE` for a field or type without a size; `BAD_RELOCATION` for an aspect that the place
 *   does not have, or a bitfield that no load of 8 bytes can reach.
 */
export const specValue = (kind: CoreRelocationKind, btf: Btf, spec: CoreSpec): SpecValue => {
  switch (kind) {
    case "field_exists":
    case "enumval_exists":
    case "type_exists":
    case "type_matches":
      return { value: 1n, certain: true };
    case "type_id_local":
    case "type_id_target":
      return { value: BigInt(spec.root), certain: false }; // linking renumbers types, and leaves instructions alone
    case "type_size":
      return { value: BigInt(btf.sizeOf(spec.root)), certain: true };
    case "enumval_value":
      return { value: enumerator(btf, spec), certain: true };
    case "field_byte_offset":
    case "field_byte_size":
    case "field_signed":
    case "field_lshift_u64":
    case "field_rshift_u64":
      return spec.steps.at(-1)!.name === undefined ? elementValue(kind, btf, spec) : memberValue(kind, btf, spec);
    default:
      return assertNever(kind);
  }
};

/** The 32 bits of a narrow enumeration are extended by their sign even where it is unsigned, as libbpf does. */
const enumerator = (btf: Btf, { steps }: CoreSpec): bigint => {
  const { type, index } = steps[0]!;
  const { value } = (btf.type(type) as BtfEnum | BtfEnum64).values[index]!;
  return BigInt.asUintN(64, typeof value === "bigint" ? value : BigInt(value | 0));
};

type FieldAspect = Exclude<CoreRelocationKind & `field_${string}`, "field_exists">;

const elementValue = (kind: FieldAspect, btf: Btf, { steps, bitOffset }: CoreSpec): SpecValue => {
  const { type } = steps.at(-1)!;
  const size = btf.sizeOf(type);
  if (kind === "field_byte_size") return { value: BigInt(size), certain: true };
  if (kind === "field_byte_offset") {
    return { value: BigInt(Math.floor(bitOffset / 8)), certain: true, memory: { size, type } };
  }
  throw new BtfError("BAD_RELOCATION", `${kind} has no meaning for an element of ${btf.typeName(type)}`);
};

/** Where a member lies: the bytes that a load takes, and its bits from the start of the root. */
interface Extent {
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

const memberValue = (kind: FieldAspect, btf: Btf, spec: CoreSpec): SpecValue => {
  const step = spec.steps.at(-1)!;
  const member = (btf.type(step.type) as BtfComposite).members[step.index]!;
  const type = btf.resolve(member.type);
  const isBitfield = member.bitSize > 0;
  const extent = isBitfield
    ? bitfieldExtent(btf, member, type, spec.bitOffset)
    : wholeExtent(btf, type, spec.bitOffset);
  const certain = !isBitfield;
  switch (kind) {
    case "field_byte_offset": {
      const value = BigInt(extent.byteOffset);
      return isBitfield ? { value, certain } : { value, certain, memory: { size: extent.byteSize, type } };
    }
    case "field_byte_size":
      return { value: BigInt(extent.byteSize), certain };
    case "field_signed":
      return { value: isSigned(btf, type) ? 1n : 0n, certain: true };
    case "field_lshift_u64":
      return { value: unsigned32(leftShift(btf, extent)), certain };
    case "field_rshift_u64":
      return { value: unsigned32(64 - extent.bitSize), certain: true };
    default:
      return assertNever(kind);
  }
};

/** Shifts of fields that no register holds wrap around in 32 bits. */
const unsigned32 = (shift: number): bigint => BigInt.asUintN(32, BigInt(shift));

const wholeExtent = (btf: Btf, type: number, bitOffset: number): Extent => {
  const byteSize = btf.sizeOf(type);
  return { byteOffset: Math.floor(bitOffset / 8), byteSize, bitOffset, bitSize: 8 * byteSize };
};

/** The smallest aligned power of two that holds the bits, beginning with the size of the declared type. */
const bitfieldExtent = (btf: Btf, { name, bitSize }: BtfMember, typeId: number, bitOffset: number): Extent => {
  const type = btf.type(typeId);
  const declared = type.kind === "int" || type.kind === "enum" || type.kind === "enum64" ? type.size : 0;
  for (let byteSize = declared; byteSize > 0; byteSize *= 2) {
    const byteOffset = byteSize * Math.floor(bitOffset / 8 / byteSize);
    if (bitOffset + bitSize <= 8 * (byteOffset + byteSize)) return { byteOffset, byteSize, bitOffset, bitSize };
    if (byteSize >= 8) break;
  }
  throw new BtfError(
    "BAD_RELOCATION",
    `bitfield ${name} of ${bitSize} bits at bit ${bitOffset} can't be loaded at once`,
  );
};

/** How far to the left a load of the field is shifted, for its first bit to become the register's. */
const leftShift = (btf: Btf, { byteOffset, byteSize, bitOffset, bitSize }: Extent): number => {
  const before = bitOffset - 8 * byteOffset;
  return btf.order === "little" ? 64 - (before + bitSize) : 64 - 8 * byteSize + before;
};

const isSigned = (btf: Btf, id: number): boolean => {
  const type = btf.type(id);
  if (type.kind === "int") return type.encoding === "signed";
  return (type.kind === "enum" || type.kind === "enum64") && type.signed;
};
