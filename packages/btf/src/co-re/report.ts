import { isEbpfError } from "@ebpf/core";
import type { Btf } from "../btf.js";
import type { CoreRelocationKind, CoreRelocationRecord } from "../ext.js";
import type { BtfComposite } from "../types.js";
import { bareName } from "./compatible.js";
import { withoutFlavour } from "./flavour.js";
import { CoreRelocator } from "./relocator.js";
import { type CoreSpec, type CoreStep, formatSpec, localSpec, subjectOf } from "./spec.js";
import { specValue } from "./value.js";

/** A kernel to compare with. */
export interface CoreTarget {
  readonly name: string;
  readonly btf: Btf;
  /** BTF of its modules, over `btf`. */
  readonly modules?: readonly Btf[];
}

/**
 * What a relocation comes to in a target, against the object's own types:
 * - `same`: the same value
 * - `moved`: another offset
 * - `changed`: another size, sign, shift or value
 * - `missing`: not there; `renamed` has names that may have taken its place
 * - `refused`: the object can't be relocated, as `problem` says
 */
export type CoreOutcome = "same" | "moved" | "changed" | "missing" | "refused";

/** A relocation in one target. */
export interface CoreFinding {
  readonly target: string;
  readonly outcome: CoreOutcome;
  /** The value in the target; absent where there is none. */
  readonly value?: bigint;
  readonly renamed?: readonly string[];
  readonly problem?: string;
}

/** One thing that an object wants to know of its target. */
export interface CoreComparison {
  /** What it is, such as `struct task_struct.pid`. */
  readonly place: string;
  readonly kind: CoreRelocationKind;
  /** The value for the object's own types. */
  readonly local: bigint | undefined;
  /** How many relocations ask for it. */
  readonly count: number;
  /** By target, in the order given. */
  readonly findings: readonly CoreFinding[];
}

/**
 * Tells what moved, changed or vanished for an object between kernels: each relocation against each of the targets.
 * Relocations that ask for the same are one; those against the object's own types are left out.
 */
export const compareTargets = (
  local: Btf,
  records: Iterable<CoreRelocationRecord>,
  targets: readonly CoreTarget[],
): CoreComparison[] => {
  const relocators = targets.map(({ btf, modules }) => new CoreRelocator(local, btf, modules));
  const counts = new Map<string, { readonly record: CoreRelocationRecord; count: number }>();
  for (const record of records) {
    if (record.kind === "type_id_local") continue;
    const key = `${record.typeId} ${record.access} ${record.kind}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { record, count: 1 });
    else known.count++;
  }
  return [...counts.values()].map(({ record, count }) => {
    const here = placeOf(local, record);
    const findings = targets.map((target, i) => findingOf(local, record, here, target, relocators[i]!));
    const place = here === undefined ? local.typeName(record.typeId) : formatSpec(local, here.spec);
    return { place, kind: record.kind, local: here?.value, count, findings };
  });
};

interface LocalPlace {
  readonly spec: CoreSpec;
  readonly value: bigint;
}

/** The place and its value, or undefined for a record that its own BTF contradicts: every target refuses that. */
const placeOf = (local: Btf, record: CoreRelocationRecord): LocalPlace | undefined => {
  try {
    const spec = localSpec(local, record);
    return { spec, value: specValue(record.kind, local, spec).value };
  } catch (error) {
    if (isEbpfError(error)) return undefined;
    throw error;
  }
};

const findingOf = (
  local: Btf,
  record: CoreRelocationRecord,
  here: LocalPlace | undefined,
  { name: target, btf }: CoreTarget,
  relocator: CoreRelocator,
): CoreFinding => {
  try {
    const resolution = relocator.resolve(record);
    const isMissing = resolution.kind === "poison" || (asksExistence(record.kind) && resolution.value === 0n);
    if (isMissing)
      return { target, outcome: "missing", renamed: here === undefined ? [] : renamed(local, here.spec, btf) };
    const { value } = resolution;
    if (value === here?.value || record.kind === "type_id_target") return { target, outcome: "same", value };
    return { target, outcome: record.kind === "field_byte_offset" ? "moved" : "changed", value };
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    return { target, outcome: "refused", problem: error.message };
  }
};

/** Types are asked for by kinds that give 0 where there is none, whatever the aspect. */
const asksExistence = (kind: CoreRelocationKind): boolean =>
  subjectOf(kind) === "type" || kind === "field_exists" || kind === "enumval_exists";

/** As many guesses are worth a look. */
const MAX_GUESSES = 3;

/** Names in the target's type that may have taken the place of one that is gone. */
const renamed = (local: Btf, spec: CoreSpec, target: Btf): string[] => {
  for (const step of spec.steps) {
    const type = local.type(step.type);
    const candidates = target
      .findFlavours(withoutFlavour(bareName(type)))
      .filter((id) => target.type(id).kind === type.kind);
    const guesses = candidates.flatMap((id) => namesInPlace(local, step, target, id));
    if (guesses.length > 0) return [...new Set(guesses)].slice(0, MAX_GUESSES);
  }
  return [];
};

const namesInPlace = (local: Btf, step: CoreStep, target: Btf, targetId: number): string[] => {
  const type = local.type(step.type);
  const other = target.type(targetId);
  if ((type.kind === "enum" || type.kind === "enum64") && (other.kind === "enum" || other.kind === "enum64")) {
    if (other.values.some(({ name }) => name === step.name)) return [];
    const value = BigInt(type.values[step.index]!.value);
    const names = new Set(type.values.map(({ name }) => name));
    return other.values.filter((one) => BigInt(one.value) === value && !names.has(one.name)).map(({ name }) => name);
  }
  if (step.name === undefined || (type.kind !== "struct" && type.kind !== "union")) return [];
  return membersInPlace(local, step, target, targetId);
};

/** Members that only the target has, of the same type as the one that is gone; those at the same place first. */
const membersInPlace = (local: Btf, step: CoreStep, target: Btf, targetId: number): string[] => {
  const member = (local.type(step.type) as BtfComposite).members[step.index]!;
  const there = target.fields(targetId);
  if (there.some(({ name }) => name === member.name)) return [];
  const known = new Set(local.fields(step.type).map(({ name }) => name));
  const typeName = local.typeName(member.type);
  return there
    .filter(({ name, type }) => !known.has(name) && target.typeName(type) === typeName)
    .sort((a, b) => Math.abs(a.bitOffset - member.bitOffset) - Math.abs(b.bitOffset - member.bitOffset))
    .map(({ name }) => name);
};
