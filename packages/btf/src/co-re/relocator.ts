import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import type { CoreRelocationRecord } from "../ext.js";
import type { BtfType } from "../types.js";
import { bareName, sameKind } from "./compatible.js";
import { withoutFlavour } from "./flavour.js";
import { matchSpec } from "./match.js";
import type { CoreResolution, CoreValue } from "./resolution.js";
import { badRecord, type CoreSpec, formatSpec, localSpec } from "./spec.js";
import { missingValue, type SpecValue, specValue } from "./value.js";

/** A type of the target that a local type may mean. */
interface Candidate {
  readonly btf: Btf;
  readonly id: number;
}

/** A candidate that has the place asked for. */
interface Match {
  readonly candidate: Candidate;
  readonly spec: CoreSpec;
  readonly there: SpecValue;
}

/**
 * Resolves the CO-RE relocations of one object against one kernel.
 *
 * Records are to be asked for in the order of the object: a candidate that lacks what one record needs is no candidate
 * for the later records of the same type, as in libbpf.
 *
 * @example
 * ```ts
 * const relocator = new CoreRelocator(objectBtf, kernelBtf);
 * for (const record of ext.relocations.get("xdp") ?? []) {
 *   const resolution = relocator.resolve(record);
 *   const [slot] = patchCore(slotsAt(record.offset), resolution);
 * }
 * ```
 */
export class CoreRelocator {
  readonly #local: Btf;
  readonly #targets: readonly Btf[];
  readonly #candidates = new Map<number, readonly Candidate[]>();

  /**
   * @param local the object's own BTF
   * @param target the kernel's BTF
   * @param modules BTF of kernel modules, each with `target` as its base; asked only for what the kernel doesn't have
   */
  constructor(local: Btf, target: Btf, modules: readonly Btf[] = []) {
    this.#local = local;
    this.#targets = [target, ...modules];
  }

  /**
   * What the instruction of a record has to hold.
   *
   * @throws BtfError `BAD_RELOCATION` when the record contradicts its own BTF or asks for what no instruction can do;
   *   `AMBIGUOUS_RELOCATION` when candidates of the target disagree; `INCOMPLETE_TYPE`, `TOO_DEEP`, `LIMIT`.
   */
  resolve(record: CoreRelocationRecord): CoreResolution {
    const spec = localSpec(this.#local, record);
    if (record.kind === "type_id_local") {
      return { kind: "value", relocation: record.kind, value: specValue(record.kind, this.#local, spec).value };
    }
    const here = specValue(record.kind, this.#local, spec);
    const matches = this.#candidatesOf(record).flatMap((candidate) => this.#match(record, spec, candidate) ?? []);
    const [first, ...others] = matches;
    if (first === undefined) return this.#nothing(record, spec, here);
    for (const other of others) checkAgreement(record, first, other);
    this.#candidates.set(
      record.typeId,
      matches.map(({ candidate }) => candidate),
    );
    const value = { kind: "value", relocation: record.kind, value: first.there.value, ...expectation(here) } as const;
    const resize = resizeOf(this.#local, here, first.candidate.btf, first.there);
    return resize === undefined ? value : { ...value, resize };
  }

  /** Types with the local type's name, whatever their flavour: those of the kernel, or else of its modules. */
  #candidatesOf(record: CoreRelocationRecord): readonly Candidate[] {
    const known = this.#candidates.get(record.typeId);
    if (known !== undefined) return known;
    const type = this.#local.type(record.typeId);
    const name = withoutFlavour(bareName(type));
    if (name === "") throw badRecord(this.#local, record, "types without a name can't be found in a target");
    const [kernel, ...modules] = this.#targets.map((btf) =>
      btf
        .findFlavours(name)
        .filter((id) => sameKind(type, btf.type(id)))
        .map((id) => ({ btf, id })),
    );
    const candidates = kernel!.length > 0 ? kernel! : modules.flat();
    this.#candidates.set(record.typeId, candidates);
    return candidates;
  }

  #match(record: CoreRelocationRecord, local: CoreSpec, candidate: Candidate): Match | undefined {
    const spec = matchSpec(record.kind, this.#local, local, candidate.btf, candidate.id);
    return spec && { candidate, spec, there: specValue(record.kind, candidate.btf, spec) };
  }

  #nothing({ kind }: CoreRelocationRecord, spec: CoreSpec, here: SpecValue): CoreResolution {
    const value = missingValue(kind);
    if (value === undefined) return { kind: "poison", relocation: kind, missing: formatSpec(this.#local, spec) };
    return { kind: "value", relocation: kind, value, ...expectation(here) };
  }
}

const expectation = ({ value, certain }: SpecValue): { readonly expected?: bigint } =>
  certain ? { expected: value } : {};

/** Several types of one name are one as long as they lead to the same place and the same value. */
const checkAgreement = (record: CoreRelocationRecord, first: Match, other: Match): void => {
  const text = ({ candidate, spec, there }: Match) =>
    `${formatSpec(candidate.btf, spec)} [${candidate.id}] at bit ${spec.bitOffset} gives ${there.value}`;
  if (first.spec.bitOffset === other.spec.bitOffset && first.there.value === other.there.value) return;
  throw new BtfError("AMBIGUOUS_RELOCATION", `${record.kind}: ${text(first)}, but ${text(other)}`);
};

/**
 * How a load has to follow the size of its field. Pointers of either size and unsigned integers keep their value when a
 * narrower load is zero-extended; nothing else may change its size.
 */
const resizeOf = (local: Btf, here: SpecValue, target: Btf, there: SpecValue): CoreValue["resize"] => {
  const from = here.memory?.size ?? 0;
  const to = there.memory?.size ?? 0;
  if (from === to) return undefined;
  const before = local.type(here.memory?.type ?? 0);
  const after = target.type(there.memory?.type ?? 0);
  const isUnsigned = (type: BtfType) => type.kind === "int" && type.encoding !== "signed";
  const allowed = (before.kind === "ptr" && after.kind === "ptr") || (isUnsigned(before) && isUnsigned(after));
  return { from, to, allowed };
};
