import { MatchBudget } from "./budget.js";
import { type TypePair, typesAreCompatible } from "./compatible.js";

/**
 * True when a type of an object may stand for a type of a kernel: the rule for variables and functions of the kernel that
 * an object declares. Names don't count, only how the types are built.
 *
 * @throws BtfError `TOO_DEEP`, `LIMIT`.
 */
export const compatibleTypes = (pair: TypePair): boolean => typesAreCompatible(pair, new MatchBudget());
