import type { AssembledSymbol, Assembly } from "@ebpf/asm";

/** The functions of an assembly, by section, each with its size, in order. */
export type FunctionsBySection = ReadonlyMap<string, readonly AssembledSymbol[]>;

/** An assembly whose functions are known. */
export interface MarkedAssembly extends Assembly {
  readonly functions: FunctionsBySection;
}

/**
 * Makes sure that functions are marked as such and have a size. In a section of code without any these are its global
 * labels, or else its start, which then has the section's name. Without a size a function reaches up to the next one.
 */
export const markFunctions = (assembly: Assembly): MarkedAssembly => {
  const inside = new Map<string | undefined, AssembledSymbol[]>();
  for (const symbol of assembly.symbols) {
    const known = inside.get(symbol.section);
    if (known === undefined) inside.set(symbol.section, [symbol]);
    else known.push(symbol);
  }
  const functions = new Map<string, readonly AssembledSymbol[]>();
  for (const { name, executable, bytes } of assembly.sections) {
    if (!executable || bytes.length === 0) continue;
    const symbols = inside.get(name) ?? [];
    const sorted = functionsOf(name, symbols).sort((a, b) => a.offset - b.offset);
    const sized = sorted.map((symbol, i) => ({
      ...symbol,
      size: symbol.size || (sorted[i + 1]?.offset ?? bytes.length) - symbol.offset,
    }));
    functions.set(name, sized);
    const names = new Set(sized.map((symbol) => symbol.name));
    inside.set(name, [...symbols.filter((symbol) => !names.has(symbol.name)), ...sized]);
  }
  return { ...assembly, symbols: [...inside.values()].flat(), functions };
};

const functionsOf = (section: string, symbols: readonly AssembledSymbol[]): AssembledSymbol[] => {
  const marked = symbols.filter(({ type }) => type === "function");
  if (marked.length > 0) return marked;
  const entries = symbols.filter(({ binding }) => binding !== "local");
  const start = { name: section.replace(/\W/g, "_"), section, offset: 0, size: 0, binding: "global" as const };
  return (entries.length > 0 ? entries : [start]).map((symbol) => ({ ...symbol, type: "function" as const }));
};
