import type { AssembledSymbol } from "@ebpf/asm";
import type { BtfBuilder } from "@ebpf/btf";
import type { MarkedAssembly } from "./symbols.js";

/** Names of the unsigned integers of so many bytes. */
const INTEGERS: Readonly<Record<number, string>> = {
  1: "unsigned char",
  2: "unsigned short",
  4: "unsigned int",
  8: "unsigned long",
};

/** Text says how large a variable is, and not what: an integer where there is one of the size, or else bytes. */
const variableType = (types: BtfBuilder, size: number): number => {
  const name = INTEGERS[size];
  return name === undefined ? types.array(types.int("unsigned char", 1), size) : types.int(name, size);
};

const variable = (types: BtfBuilder, { name, offset, size, binding }: AssembledSymbol) => ({
  type: types.variable(name, variableType(types, size), binding === "local" ? "static" : "global"),
  offset,
  size,
});

/**
 * Describes global data: libbpf links only names whose types it knows, and gives them to programs of the host by name.
 *
 * @param described sections that have a description already
 */
export const addDataTypes = (
  types: BtfBuilder,
  { sections, variables }: MarkedAssembly,
  described: ReadonlySet<string>,
): void => {
  for (const { name, bytes } of sections) {
    const symbols = variables.get(name) ?? [];
    if (symbols.length === 0 || described.has(name)) continue;
    const placed = symbols.filter(({ size }) => size > 0).map((symbol) => variable(types, symbol));
    types.add({ kind: "datasec", name, size: bytes.length, variables: placed });
  }
};
