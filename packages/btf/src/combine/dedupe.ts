import { Btf } from "../btf.js";
import { mapReferences } from "../references.js";
import type { BtfType } from "../types.js";
import { partition, signatureOf } from "./partition.js";

/** Rounds after which declarations are left as they are: each takes back some that were wrong. */
const MAX_ROUNDS = 8;

/** Types with new ids. */
export interface RenumberedBtf {
  readonly btf: Btf;
  /** The new id of each old one. */
  readonly ids: Uint32Array;
}

/**
 * Leaves one of all equal types. A declaration becomes the structure, union or enumeration that it declares when there
 * is one such in effect. Variables and data sections stay as they are. Types that are equal to a base's become the base's.
 *
 * @throws BtfError `LIMIT` for types that were made to take forever.
 */
export const dedupeBtf = (btf: Btf): RenumberedBtf => {
  const redirect = declarationsOf(btf);
  let classes = partition(btf, redirect);
  for (let round = 1; ; round++) {
    const wrong = unfulfilled(btf, redirect, classes);
    if (wrong.length === 0) break;
    for (const id of round < MAX_ROUNDS ? wrong : [...redirect.keys()]) redirect.delete(id);
    classes = partition(btf, redirect);
  }
  return renumber(btf, redirect, classes);
};

/** The name that a declaration waits for, or undefined for other types. */
const declaredName = (type: BtfType): string | undefined => {
  if (type.kind === "fwd") return `${type.target} ${type.name}`;
  return type.kind === "enum" && type.values.length === 0 && type.name !== "" ? `enum ${type.name}` : undefined;
};

/** The name that a definition answers to, or undefined for other types. */
const definedName = (type: BtfType): string | undefined => {
  switch (type.kind) {
    case "struct":
    case "union":
      return type.name === "" ? undefined : `${type.kind} ${type.name}`;
    case "enum":
    case "enum64":
      return type.name === "" || type.values.length === 0 ? undefined : `enum ${type.name}`;
    default:
      return undefined;
  }
};

/**
 * For each declaration the first of its definitions, where all of them look alike. Whether they are equal depends on
 * these declarations in turn: it is assumed here, and checked afterwards.
 */
const declarationsOf = (btf: Btf): Map<number, number> => {
  const definitions = definitionsOf(btf);
  const redirect = new Map<number, number>();
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    const candidates = definitions.get(declaredName(btf.type(id)) ?? "") ?? [];
    const [first, ...others] = candidates;
    if (first === undefined) continue;
    const signature = signatureOf(btf, first);
    if (others.every((other) => signatureOf(btf, other) === signature)) redirect.set(id, first);
  }
  return redirect;
};

const definitionsOf = (btf: Btf): Map<string, number[]> => {
  const definitions = new Map<string, number[]>();
  for (let id = 1; id < btf.typeCount; id++) {
    const name = definedName(btf.type(id));
    if (name === undefined) continue;
    const ids = definitions.get(name);
    if (ids === undefined) definitions.set(name, [id]);
    else ids.push(id);
  }
  return definitions;
};

/** Declarations whose definitions turned out to differ. */
const unfulfilled = (btf: Btf, redirect: ReadonlyMap<number, number>, classes: Uint32Array): number[] => {
  const definitions = definitionsOf(btf);
  return [...redirect.keys()].filter((id) => {
    const candidates = definitions.get(declaredName(btf.type(id))!)!;
    return new Set(candidates.map((candidate) => classes[candidate])).size > 1;
  });
};

const renumber = (btf: Btf, redirect: ReadonlyMap<number, number>, classes: Uint32Array): RenumberedBtf => {
  const ids = new Uint32Array(btf.typeCount);
  const idOfClass = new Map<number, number>();
  const kept: BtfType[] = [];
  for (let id = 0; id < btf.typeCount; id++) {
    if (redirect.has(id)) continue;
    const isOwn = id >= btf.firstId;
    const known = isOwn ? idOfClass.get(classes[id]!) : undefined;
    const newId = known ?? (isOwn ? btf.firstId + kept.length : id);
    ids[id] = newId;
    if (known !== undefined) continue;
    if (!idOfClass.has(classes[id]!)) idOfClass.set(classes[id]!, newId);
    if (isOwn) kept.push(btf.type(id));
  }
  for (const [id, to] of redirect) ids[id] = ids[to]!;
  const types = kept.map((type) => mapReferences(type, (id) => ids[id]!));
  return { btf: new Btf(types, { order: btf.order, ...(btf.base === undefined ? {} : { base: btf.base }) }), ids };
};

/**
 * Puts the types of several BTFs behind each other; `dedupeBtf` then leaves one of each.
 *
 * @returns the types, and for each of the inputs what to add to its ids (but not to 0)
 */
export const concatBtf = (parts: readonly Btf[]): { readonly btf: Btf; readonly offsets: readonly number[] } => {
  const types: BtfType[] = [];
  const offsets = parts.map((part) => {
    const offset = types.length;
    for (const type of part.types.slice(1)) types.push(mapReferences(type, (id) => (id === 0 ? 0 : id + offset)));
    return offset;
  });
  return { btf: new Btf(types, parts[0] === undefined ? {} : { order: parts[0].order }), offsets };
};
