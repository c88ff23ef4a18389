import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import type { CoreRelocationKind } from "../ext.js";
import type { BtfComposite } from "../types.js";
import { MatchBudget } from "./budget.js";
import { fieldsAreCompatible, typesAreCompatible } from "./compatible.js";
import { withoutFlavour } from "./flavour.js";
import { type CoreSpec, type CoreStep, hasElement, MAX_ACCESS, subjectOf } from "./spec.js";
import { typesMatch } from "./type-match.js";

/**
 * The place in a candidate that a local place means, or `undefined` when the candidate has none.
 *
 * @throws BtfError `TOO_DEEP`, `LIMIT`, `INCOMPLETE_TYPE` when the candidate can't be compared.
 */
export const matchSpec = (
  kind: CoreRelocationKind,
  local: Btf,
  spec: CoreSpec,
  target: Btf,
  targetId: number,
): CoreSpec | undefined => {
  const budget = new MatchBudget();
  switch (subjectOf(kind)) {
    case "field":
      return new FieldMatch(local, target, targetId, budget).run(spec);
    case "enumerator":
      return matchEnumerator(spec, target, targetId);
    case "type": {
      const pair = { local, localId: spec.root, target, targetId };
      const found = kind === "type_matches" ? typesMatch(pair, budget) : typesAreCompatible(pair, budget);
      return found ? { root: targetId, steps: [], bitOffset: 0 } : undefined;
    }
  }
};

const matchEnumerator = ({ steps }: CoreSpec, target: Btf, targetId: number): CoreSpec | undefined => {
  const id = target.resolve(targetId);
  const type = target.type(id);
  if (type.kind !== "enum" && type.kind !== "enum64") return undefined;
  const wanted = withoutFlavour(steps[0]!.name!);
  const index = type.values.findIndex(({ name }) => withoutFlavour(name) === wanted);
  if (index < 0) return undefined;
  return { root: targetId, steps: [{ name: type.values[index]!.name, type: id, index }], bitOffset: 0 };
};

/** Follows the steps of a local place through a candidate. */
class FieldMatch {
  readonly #local: Btf;
  readonly #target: Btf;
  readonly #root: number;
  readonly #budget: MatchBudget;
  readonly #steps: CoreStep[] = [];
  /** Type that the steps have led to. */
  #id: number;
  #bitOffset = 0;
  /** Indexes so far, those of anonymous members included. */
  #indexes = 0;

  constructor(local: Btf, target: Btf, root: number, budget: MatchBudget) {
    this.#local = local;
    this.#target = target;
    this.#root = root;
    this.#id = root;
    this.#budget = budget;
  }

  run(spec: CoreSpec): CoreSpec | undefined {
    for (const [i, step] of spec.steps.entries()) {
      this.#id = this.#target.resolve(this.#id);
      const found = step.name === undefined ? this.#element(step.index, i === 0) : this.#member(step, this.#id, 0);
      if (!found) return undefined;
    }
    return { root: this.#root, steps: this.#steps, bitOffset: this.#bitOffset };
  }

  /** @param first true for what the program's pointer points at: no array has to be there */
  #element(index: number, first: boolean): boolean {
    if (!first) {
      const array = this.#target.type(this.#id);
      if (array.kind !== "array" || !hasElement(this.#target, array, index, this.#steps.at(-1))) return false;
      this.#id = this.#target.resolve(array.elementType);
    }
    if (++this.#indexes > MAX_ACCESS) throw this.#tooDeep();
    this.#steps.push({ type: this.#id, index });
    this.#bitOffset += 8 * index * this.#target.sizeOf(this.#id);
    return true;
  }

  /** Looks for a member in a structure and in the anonymous ones inside of it, in order: the first of the name decides. */
  #member(step: CoreStep, id: number, depth: number): boolean {
    const type = this.#target.type(id);
    if (type.kind !== "struct" && type.kind !== "union") return false;
    for (const [index, member] of type.members.entries()) {
      this.#budget.spend();
      if (this.#indexes + depth >= MAX_ACCESS) throw this.#tooDeep();
      if (member.name === step.name) return this.#enter(step, { name: member.name, type: id, index }, depth);
      if (member.name !== "") continue;
      this.#bitOffset += member.bitOffset;
      if (this.#member(step, this.#target.resolve(member.type), depth + 1)) return true;
      this.#bitOffset -= member.bitOffset;
    }
    return false;
  }

  #enter(local: CoreStep, step: CoreStep, depth: number): boolean {
    const localMember = (this.#local.type(local.type) as BtfComposite).members[local.index]!;
    const member = (this.#target.type(step.type) as BtfComposite).members[step.index]!;
    const pair = { local: this.#local, localId: localMember.type, target: this.#target, targetId: member.type };
    if (!fieldsAreCompatible(pair)) return false;
    this.#steps.push(step);
    this.#bitOffset += member.bitOffset;
    this.#indexes += depth + 1;
    this.#id = member.type;
    return true;
  }

  #tooDeep(): BtfError {
    const name = this.#target.typeName(this.#root);
    return new BtfError("TOO_DEEP", `more than ${MAX_ACCESS} indexes lead to the field of ${name}`);
  }
}
