import type { BtfEnum, BtfEnum64, BtfFloat, BtfInt } from "../types.js";
import type { UniqueNames } from "../unique-names.js";
import { identifier } from "./identifiers.js";

const INTEGERS: Readonly<Record<number, string>> = { 1: "char", 2: "short", 4: "int", 8: "long long", 16: "__int128" };
const FLOATS: Readonly<Record<number, string>> = { 4: "float", 8: "double", 16: "long double" };

/** Declares `inner` as a number of some size in C's own words; bytes where C has no such number. */
export const numberOfSize = (
  type: Pick<BtfInt, "kind" | "size" | "encoding"> | Pick<BtfFloat, "kind" | "size">,
  inner: string,
): string => {
  const space = inner === "" ? "" : ` ${inner}`;
  if (type.kind === "float" && FLOATS[type.size] !== undefined) return `${FLOATS[type.size]}${space}`;
  if (type.kind === "float" || INTEGERS[type.size] === undefined) return `unsigned char${space}[${type.size}]`;
  if (type.encoding === "bool" && type.size === 1) return `_Bool${space}`;
  return `${type.encoding === "signed" ? "signed" : "unsigned"} ${INTEGERS[type.size]}${space}`;
};

/** An enumeration with its values, in the size that it has. */
export const enumText = (type: BtfEnum | BtfEnum64, name: string, names: UniqueNames, indent: number): string => {
  const head = name === "" ? "enum" : `enum ${name}`;
  if (type.values.length === 0 && name !== "") return head;
  const space = "\t".repeat(indent);
  const lines = type.values.map(({ name: valueName, value }) => {
    return `${space}\t${names.take(identifier(valueName))} = ${numberText(BigInt(value))},\n`;
  });
  const isWide = type.values.some(({ value }) => value > 0xffff_ffff || value < -0x8000_0000);
  const mode = type.size === (isWide ? 8 : 4) ? undefined : MODES[type.size];
  return `${head} {\n${lines.join("")}${space}}${mode === undefined ? "" : ` __attribute__((mode(${mode})))`}`;
};

/** GCC's names of machine modes, by bytes. */
const MODES: Readonly<Record<number, string>> = { 1: "QI", 2: "HI", 4: "SI", 8: "DI" };

/** C reads -2^63 as the negation of a number that has no type. */
const numberText = (value: bigint): string => {
  if (value === -(1n << 63n)) return "(-9223372036854775807LL - 1)";
  if (value > 0x7fff_ffffn) return value > 0xffff_ffffn ? `${value}ULL` : `${value}U`;
  return value < -0x8000_0000n ? `${value}LL` : `${value}`;
};
