import { errorAt, type Token } from "../text/lexer.js";
import type { AssembledRelocation } from "./assembly.js";
import { displayName, isPrivateName, type SymbolTable, type Value } from "./symbols.js";

/** What is needed to compute operands and data once all labels are known, and the relocations that result. */
export interface Resolution {
  readonly symbols: SymbolTable;
  readonly helpers: (name: string) => number | undefined;
  readonly relocations: AssembledRelocation[];
}

/** A place in a section that is filled later; `offset` counts bytes. */
export interface Site {
  readonly section: string;
  readonly offset: number;
}

/**
 * The value as a number, when it is one of `low` to `high`.
 *
 * @throws AsmError `OUT_OF_RANGE` at the token when it is not.
 */
export const within = (value: bigint, low: bigint, high: bigint, token: Token): number => {
  if (value < low || value > high) throw errorAt("OUT_OF_RANGE", token, `${value} is outside of ${low}..${high}`);
  return Number(value);
};

/** The error for a value that would have to be a plain number, or a place that is known. */
export const notKnown = ({ base }: Value, token: Token) =>
  base?.section === undefined
    ? errorAt("UNDEFINED_SYMBOL", token, `${displayName(base?.name ?? token.text)} is not defined`)
    : errorAt("SYNTAX", token, "an address can't stand here, only a plain number");

/**
 * Leaves a place to the loader: notes a relocation against the value's symbol, or against its section when the symbol
 * is private.
 *
 * @returns the bytes to add to the symbol's address.
 * @throws AsmError `UNDEFINED_SYMBOL` for a private name that is not defined, which nobody else can define.
 */
export const relocate = (
  { section, offset }: Site,
  kind: AssembledRelocation["kind"],
  value: Value,
  { token, to }: { readonly token: Token; readonly to: Resolution },
): bigint => {
  const base = value.base!;
  const isPublic = base.name !== undefined && !isPrivateName(base.name);
  if (!isPublic && base.section === undefined) throw notKnown(value, token);
  const symbol = isPublic ? base.name : base.section!;
  const addend = isPublic ? value.constant : BigInt(base.offset) + value.constant;
  to.relocations.push({ section, offset, kind, symbol: symbol!, addend });
  return addend;
};
