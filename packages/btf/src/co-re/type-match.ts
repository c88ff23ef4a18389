import { BtfError } from "../errors.js";
import { MAX_DEPTH } from "../limits.js";
import type { BtfComposite, BtfEnum, BtfEnum64, BtfInt, BtfType } from "../types.js";
import type { MatchBudget } from "./budget.js";
import { bareName, isEnum, pairOf, parametersAgree, type TypePair } from "./compatible.js";
import { withoutFlavour } from "./flavour.js";

/** How far a comparison has come. */
interface Progress {
  readonly budget: MatchBudget;
  /** Behind a pointer structures are compared by name alone, and may be only declared. */
  readonly behindPointer: boolean;
  readonly level: number;
}

/**
 * True when the target's type offers all that the local one has (`type_matches`): members and values by name, integers
 * by size and sign, functions by parameters. Qualifiers and typedefs don't count.
 *
 * @throws BtfError `TOO_DEEP`, `LIMIT` for types without end.
 */
export const typesMatch = (pair: TypePair, budget: MatchBudget): boolean =>
  matches(pair, { budget, behindPointer: false, level: MAX_DEPTH });

const matches = (pair: TypePair, progress: Progress): boolean => {
  if (progress.level <= 0) throw new BtfError("TOO_DEEP", `types nest deeper than ${MAX_DEPTH} levels`);
  const deeper = { ...progress, level: progress.level - 1 };
  let { behindPointer } = progress;
  let { localId, targetId } = pair;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    progress.budget.spend();
    const local = pair.local.resolvedType(localId);
    const target = pair.target.resolvedType(targetId);
    if (!namesMatch(bareName(local), bareName(target))) return false;
    if (local.kind === "ptr" && target.kind === "ptr") {
      behindPointer = true;
      [localId, targetId] = [local.type, target.type];
    } else if (local.kind === "array" && target.kind === "array") {
      if (local.length !== target.length) return false;
      [localId, targetId] = [local.elementType, target.elementType];
    } else if (local.kind === "func_proto" && target.kind === "func_proto") {
      const agree = (a: number, b: number) => matches(pairOf(pair, a, b), { ...deeper, behindPointer });
      if (!parametersAgree(local, target, progress.level, agree)) return false;
      [localId, targetId] = [local.returnType, target.returnType];
    } else {
      return leavesMatch(pair, local, target, { ...deeper, behindPointer });
    }
  }
  throw new BtfError("TOO_DEEP", `${pair.local.typeName(pair.localId)} nests deeper than ${MAX_DEPTH} levels`);
};

const namesMatch = (local: string, target: string): boolean =>
  target === "" ? local === "" : withoutFlavour(local) === withoutFlavour(target);

const leavesMatch = (pair: TypePair, local: BtfType, target: BtfType, progress: Progress): boolean => {
  switch (local.kind) {
    case "void":
      return target.kind === "void";
    case "int":
      return target.kind === "int" && intsMatch(local, target);
    case "enum":
    case "enum64":
      return isEnum(target) && enumsMatch(local, target as BtfEnum | BtfEnum64, progress.budget);
    case "fwd":
      if (target.kind === "fwd") return local.target === target.target;
      return progress.behindPointer && target.kind === local.target;
    case "struct":
    case "union":
      if (!progress.behindPointer) {
        return target.kind === local.kind && membersMatch(pair, local, target as BtfComposite, progress);
      }
      return target.kind === local.kind || (target.kind === "fwd" && target.target === local.kind);
    default:
      return false;
  }
};

const intsMatch = (local: BtfInt, target: BtfInt): boolean =>
  local.size === target.size && (local.encoding === "signed") === (target.encoding === "signed");

const enumsMatch = (local: BtfEnum | BtfEnum64, target: BtfEnum | BtfEnum64, budget: MatchBudget): boolean => {
  if (local.size !== target.size || local.values.length > target.values.length) return false;
  budget.spend(local.values.length + target.values.length);
  const names = new Set(target.values.map(({ name }) => withoutFlavour(name)));
  return local.values.every(({ name }) => names.has(withoutFlavour(name)));
};

const membersMatch = (pair: TypePair, local: BtfComposite, target: BtfComposite, progress: Progress): boolean => {
  if (local.members.length > target.members.length) return false;
  progress.budget.spend(local.members.length + target.members.length);
  const typesByName = new Map<string, number[]>();
  for (const { name, type } of target.members) {
    const key = withoutFlavour(name);
    const types = typesByName.get(key);
    if (types === undefined) typesByName.set(key, [type]);
    else types.push(type);
  }
  return local.members.every(({ name, type }) =>
    typesByName.get(withoutFlavour(name))?.some((targetId) => matches(pairOf(pair, type, targetId), progress)),
  );
};
