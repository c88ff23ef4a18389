import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import { MAX_DEPTH } from "../limits.js";
import type { BtfType } from "../types.js";
import type { MatchBudget } from "./budget.js";
import { withoutFlavour } from "./flavour.js";

/** A type of the program's BTF and one of the target's, to be compared. */
export interface TypePair {
  readonly local: Btf;
  readonly localId: number;
  readonly target: Btf;
  readonly targetId: number;
}

/** The pair for two other ids of the same BTFs. */
export const pairOf = (pair: TypePair, localId: number, targetId: number): TypePair => ({ ...pair, localId, targetId });

/** True for two types of one kind; enumerations of either width are of one. */
export const sameKind = (a: BtfType, b: BtfType): boolean => a.kind === b.kind || (isEnum(a) && isEnum(b));

/** True for an enumeration of either width. */
export const isEnum = ({ kind }: BtfType): boolean => kind === "enum" || kind === "enum64";

const isComposite = ({ kind }: BtfType): boolean => kind === "struct" || kind === "union";

/** Integers that begin inside of a byte are bitfields of old compilers, and fit nothing. */
const isWholeInt = (type: BtfType): boolean => type.kind === "int" && type.bitOffset === 0;

/** The type's name, or "" for those without. */
export const bareName = (type: BtfType): string => ("name" in type ? type.name : "");

/** True when a field of one type may stand for a field of the other: its bits are read by size, not by name. */
export const fieldsAreCompatible = (pair: TypePair, depth = 0): boolean => {
  if (depth > MAX_DEPTH) throw new BtfError("TOO_DEEP", `arrays nest deeper than ${MAX_DEPTH} levels`);
  const local = pair.local.resolvedType(pair.localId);
  const target = pair.target.resolvedType(pair.targetId);
  if (isComposite(local) && isComposite(target)) return true;
  if (!sameKind(local, target)) return false;
  switch (local.kind) {
    case "ptr":
    case "float":
      return true;
    case "fwd":
    case "enum":
    case "enum64": {
      const [a, b] = [withoutFlavour(bareName(local)), withoutFlavour(bareName(target))];
      return a === "" || b === "" || a === b;
    }
    case "int":
      return isWholeInt(local) && isWholeInt(target);
    case "array":
      if (target.kind !== "array") return false;
      return fieldsAreCompatible(pairOf(pair, local.elementType, target.elementType), depth + 1);
    default:
      return false;
  }
};

/** True when a type exists in the target in the sense of `type_exists`: same kind, and so behind pointers and arrays. */
export const typesAreCompatible = (pair: TypePair, budget: MatchBudget, level = MAX_DEPTH): boolean => {
  if (!sameKind(pair.local.type(pair.localId), pair.target.type(pair.targetId))) return false;
  let current = pair;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    budget.spend();
    const local = pair.local.resolvedType(current.localId);
    const target = pair.target.resolvedType(current.targetId);
    if (!sameKind(local, target)) return false;
    if (local.kind === "ptr" && target.kind === "ptr") {
      current = pairOf(pair, local.type, target.type);
    } else if (local.kind === "array" && target.kind === "array") {
      current = pairOf(pair, local.elementType, target.elementType);
    } else if (local.kind === "func_proto" && target.kind === "func_proto") {
      if (!parametersAgree(local, target, level, (a, b) => behind(pair, a, b, budget, level - 1))) return false;
      current = pairOf(pair, local.returnType, target.returnType);
    } else {
      return isCompatibleLeaf(local, target);
    }
  }
  throw new BtfError("TOO_DEEP", `${pair.local.typeName(pair.localId)} nests deeper than ${MAX_DEPTH} levels`);
};

/** Compares two parameters without their qualifiers. */
const behind = (pair: TypePair, localId: number, targetId: number, budget: MatchBudget, level: number): boolean =>
  typesAreCompatible(pairOf(pair, pair.local.resolve(localId), pair.target.resolve(targetId)), budget, level);

const isCompatibleLeaf = (local: BtfType, target: BtfType): boolean => {
  switch (local.kind) {
    case "int":
      return isWholeInt(local) && isWholeInt(target);
    case "void":
    case "struct":
    case "union":
    case "enum":
    case "enum64":
    case "fwd":
      return true;
    default:
      return false;
  }
};

/** True when two functions have as many parameters, and each pair of them agrees. */
export const parametersAgree = (
  local: BtfType & { readonly kind: "func_proto" },
  target: BtfType & { readonly kind: "func_proto" },
  level: number,
  agree: (localId: number, targetId: number) => boolean,
): boolean => {
  if (local.parameters.length !== target.parameters.length) return false;
  if (local.parameters.length > 0 && level <= 0) {
    throw new BtfError("TOO_DEEP", `functions nest deeper than ${MAX_DEPTH} levels`);
  }
  return local.parameters.every((parameter, i) => agree(parameter.type, target.parameters[i]!.type));
};
