import { Btf } from "../btf.js";
import { withoutFlavour } from "../co-re/flavour.js";
import { BtfError } from "../errors.js";
import { forEachReference, mapReferences } from "../references.js";
import type { BtfType } from "../types.js";

/**
 * Makes split BTF independent of the exact base that it was made for, as kernel modules carry it in `.BTF.base`. The
 * distilled base has what identifies the types that are referred to: numbers, declarations, and structures, unions and
 * enumerations with a name and a size but nothing in them. All other types of the base that are needed move into the
 * split BTF, behind its own.
 *
 * @param split BTF with a base
 * @returns the new split BTF; its `base` is the distilled one
 */
export const distillBase = (split: Btf): Btf => {
  const used = usedOfBase(split);
  const identifying: number[] = [];
  const moved: number[] = [];
  for (const id of used) (distilled(split.type(id)) === undefined ? moved : identifying).push(id);
  const ids = new Map<number, number>([[0, 0]]);
  for (const [i, id] of identifying.entries()) ids.set(id, 1 + i);
  const own = [...Array.from({ length: split.typeCount - split.firstId }, (_, i) => split.firstId + i), ...moved];
  for (const [i, id] of own.entries()) ids.set(id, 1 + identifying.length + i);
  const base = new Btf(
    identifying.map((id) => distilled(split.type(id))!),
    { order: split.order },
  );
  return new Btf(
    own.map((id) => mapReferences(split.type(id), (to) => ids.get(to)!)),
    { base },
  );
};

/** Ids of the base's types that split BTF needs, in order. What is in a structure with a name is not needed. */
const usedOfBase = (split: Btf): number[] => {
  const used = new Set<number>();
  const pending: number[] = [];
  const need = (id: number): void => {
    if (id === 0 || id >= split.firstId || used.has(id)) return;
    used.add(id);
    pending.push(id);
  };
  for (const type of split.ownTypes()) forEachReference(type, need);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const type = split.type(id);
    if ((type.kind === "struct" || type.kind === "union") && type.name !== "") continue;
    forEachReference(type, need);
  }
  return [...used].sort((a, b) => a - b);
};

/** What a distilled base has of a type; undefined for those that it has not. */
const distilled = (type: BtfType): BtfType | undefined => {
  switch (type.kind) {
    case "int":
    case "float":
    case "fwd":
      return type;
    case "struct":
    case "union":
      return type.name === "" ? undefined : { ...type, members: [] };
    case "enum":
    case "enum64":
      if (type.name === "") return undefined;
      return { kind: "enum", name: type.name, size: type.size, signed: false, values: [] };
    default:
      return undefined;
  }
};

/**
 * Puts split BTF whose base is a distilled one onto a whole base.
 *
 * @throws BtfError `NO_SUCH_TYPE` when the base lacks a type of the distilled one, or has it in another size where that
 *   matters; `AMBIGUOUS_RELOCATION` when it has several that fit.
 */
export const relocateSplit = (split: Btf, base: Btf): Btf => {
  const embedded = embeddedOf(split);
  const ids = Array.from({ length: split.firstId }, (_, id) =>
    id === 0 ? 0 : counterpart(split.type(id), embedded.has(id), base),
  );
  const shift = base.typeCount - split.firstId;
  const types = Array.from(split.ownTypes(), (type) => mapReferences(type, (id) => ids[id] ?? id + shift));
  return new Btf(types, { base });
};

/** Ids of the base's structures that are part of a structure of the split BTF, and so have to have their size. */
const embeddedOf = (split: Btf): Set<number> => {
  const embedded = new Set<number>();
  for (const type of split.ownTypes()) {
    if (type.kind !== "struct" && type.kind !== "union") continue;
    for (const member of type.members) {
      let id = split.resolve(member.type);
      for (let array = split.type(id); array.kind === "array" && !embedded.has(id); array = split.type(id)) {
        embedded.add(id); // an array that was seen: its element follows
        id = split.resolve(array.elementType);
      }
      embedded.add(id);
    }
  }
  return embedded;
};

const counterpart = (wanted: BtfType, isEmbedded: boolean, base: Btf): number => {
  const name = "name" in wanted ? wanted.name : "";
  const named = base.findFlavours(withoutFlavour(name)).filter((id) => {
    const type = base.type(id);
    return "name" in type && type.name === name;
  });
  const fitting = named.filter((id) => fits(wanted, base.type(id)));
  const needsSize = isEmbedded || fitting.length > 1;
  const found = fitting.filter((id) => !needsSize || sameSize(wanted, base.type(id)));
  if (found.length === 1) return found[0]!;
  const text = `${wanted.kind} ${name} of the distilled base`;
  if (found.length === 0) throw new BtfError("NO_SUCH_TYPE", `the base has no counterpart of ${text}`);
  throw new BtfError("AMBIGUOUS_RELOCATION", `types ${found.join(", ")} of the base fit ${text}`);
};

const fits = (wanted: BtfType, type: BtfType): boolean => {
  switch (wanted.kind) {
    case "int":
      return type.kind === "int" && type.size === wanted.size && type.encoding === wanted.encoding;
    case "float":
      return type.kind === "float" && type.size === wanted.size;
    case "enum":
      return (type.kind === "enum" || type.kind === "enum64") && type.size === wanted.size;
    case "fwd":
      return type.kind === wanted.target || (type.kind === "fwd" && type.target === wanted.target);
    default:
      return type.kind === wanted.kind;
  }
};

const sameSize = (wanted: BtfType, type: BtfType): boolean =>
  !("size" in wanted) || ("size" in type && type.size === wanted.size);
