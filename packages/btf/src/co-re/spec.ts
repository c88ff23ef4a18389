import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import type { CoreRelocationKind, CoreRelocationRecord } from "../ext.js";
import type { BtfArray, BtfComposite } from "../types.js";

/*
 * What a relocation refers to. The access string `0:1:2` indexes members and array elements, anonymous members
 * included; only its named members and array elements have a meaning in another BTF. Those are the steps.
 *
 *   struct s { int a; struct { int b; int c[7]; }; } *p;        &p->c[3] is 0:1:1:3
 *   steps: element 0 of p, member c, element 3
 */

/** One step of an access: into a named member, or to an element of an array (or of what a pointer points at). */
export interface CoreStep {
  /** The member's name; absent for an element. */
  readonly name?: string;
  /** The structure whose member it is, or the element's type; resolved. */
  readonly type: number;
  /** Index of the member or element. */
  readonly index: number;
}

/** A place in a type: a type alone, a field, or a value of an enumeration (its step is named as the value). */
export interface CoreSpec {
  readonly root: number;
  readonly steps: readonly CoreStep[];
  /** Bits from the start of the root to the field. */
  readonly bitOffset: number;
}

/** What a kind of relocation is about. */
export type CoreSubject = "field" | "type" | "enumerator";

const SUBJECTS: Readonly<Record<CoreRelocationKind, CoreSubject>> = {
  field_byte_offset: "field",
  field_byte_size: "field",
  field_exists: "field",
  field_signed: "field",
  field_lshift_u64: "field",
  field_rshift_u64: "field",
  type_id_local: "type",
  type_id_target: "type",
  type_exists: "type",
  type_size: "type",
  type_matches: "type",
  enumval_exists: "enumerator",
  enumval_value: "enumerator",
};

/** What a kind of relocation is about. */
export const subjectOf = (kind: CoreRelocationKind): CoreSubject => SUBJECTS[kind];

/** Indexes that an access may have, as in libbpf and the kernel. */
export const MAX_ACCESS = 64;
/** Offsets are 32-bit numbers of bits. */
const MAX_BITS = 0xffff_ffff;

/** The error for a record that its own BTF contradicts. */
export const badRecord = (local: Btf, record: CoreRelocationRecord, problem: string): BtfError =>
  new BtfError(
    "BAD_RELOCATION",
    `${record.kind} of ${local.typeName(record.typeId)} at byte ${record.offset}, access "${record.access}": ${problem}`,
  );

/**
 * The place that a record means in its own BTF.
 *
 * @throws BtfError `BAD_RELOCATION` when there is no such place; `INCOMPLETE_TYPE`, `TOO_DEEP`, `LIMIT`.
 */
export const localSpec = (local: Btf, record: CoreRelocationRecord): CoreSpec => {
  const subject = subjectOf(record.kind);
  const indexes = parseAccess(local, record);
  if (subject === "field") return fieldSpec(local, record, indexes);
  if (subject === "enumerator") return enumeratorSpec(local, record, indexes);
  if (record.access !== "0") throw badRecord(local, record, "a whole type is accessed by 0");
  return { root: record.typeId, steps: [], bitOffset: 0 };
};

const parseAccess = (local: Btf, record: CoreRelocationRecord): number[] => {
  const { access } = record;
  if (!/^\d+(:\d+)*$/.test(access)) throw badRecord(local, record, "indexes are separated by colons");
  const indexes = access.split(":").map(Number);
  if (indexes.length > MAX_ACCESS) throw badRecord(local, record, `more than ${MAX_ACCESS} indexes`);
  const large = indexes.find((index) => index > 0x7fff_ffff);
  if (large !== undefined) throw badRecord(local, record, `index ${large} is out of range`);
  return indexes;
};

const enumeratorSpec = (local: Btf, record: CoreRelocationRecord, indexes: readonly number[]): CoreSpec => {
  const id = local.resolve(record.typeId);
  const type = local.type(id);
  const index = indexes[0]!;
  const value = type.kind === "enum" || type.kind === "enum64" ? type.values[index] : undefined;
  if (value === undefined || indexes.length > 1) throw badRecord(local, record, "the enumeration has no such value");
  return { root: record.typeId, steps: [{ name: value.name, type: id, index }], bitOffset: 0 };
};

const fieldSpec = (local: Btf, record: CoreRelocationRecord, indexes: readonly number[]): CoreSpec => {
  let id = local.resolve(record.typeId);
  const first = indexes[0]!;
  const steps: CoreStep[] = [{ type: id, index: first }];
  let bitOffset = 8 * first * local.sizeOf(id);
  for (const index of indexes.slice(1)) {
    id = local.resolve(id);
    const type = local.type(id);
    if (type.kind === "struct" || type.kind === "union") {
      const member = type.members[index];
      if (member === undefined) throw badRecord(local, record, `${local.typeName(id)} has no member ${index}`);
      bitOffset += member.bitOffset;
      if (member.name !== "") steps.push({ name: member.name, type: id, index });
      id = member.type;
    } else if (type.kind === "array") {
      if (!hasElement(local, type, index, steps.at(-1))) throw badRecord(local, record, `no element ${index}`);
      id = local.resolve(type.elementType);
      steps.push({ type: id, index });
      bitOffset += 8 * index * local.sizeOf(id);
    } else {
      throw badRecord(local, record, `${local.typeName(id)} has neither members nor elements`);
    }
    if (bitOffset > MAX_BITS) throw badRecord(local, record, "the place is outside of any memory");
  }
  return { root: record.typeId, steps, bitOffset };
};

/** True when an array has an element. One without a length that ends a structure has as many as there is memory. */
export const hasElement = (btf: Btf, array: BtfArray, index: number, before: CoreStep | undefined): boolean => {
  if (index < array.length) return true;
  if (array.length > 0 || before?.name === undefined) return false;
  return before.index === (btf.type(before.type) as BtfComposite).members.length - 1;
};

/** A place as in C, such as `struct task_struct.comm[3]`. */
export const formatSpec = (btf: Btf, spec: CoreSpec): string => {
  const type = btf.resolvedType(spec.root);
  const root = btf.typeName(spec.root);
  if (type.kind === "enum" || type.kind === "enum64") return [root, ...spec.steps.map(({ name }) => name)].join(".");
  const steps = spec.steps.map(({ name, index }, i) => {
    if (name !== undefined) return `.${name}`;
    return i === 0 && index === 0 ? "" : `[${index}]`;
  });
  return `${root}${steps.join("")}`;
};
