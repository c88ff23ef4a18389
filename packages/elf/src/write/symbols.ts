import type { AssembledSection, AssembledSymbol, Assembly } from "@ebpf/asm";

/** Symbols of an assembly, by section, each with its size, in order. */
export type SymbolsBySection = ReadonlyMap<string, readonly AssembledSymbol[]>;

/** An assembly whose functions and variables are known. */
export interface MarkedAssembly extends Assembly {
  readonly functions: SymbolsBySection;
  readonly variables: SymbolsBySection;
}

/** Sections of global data: libbpf makes a map of each. */
const GLOBAL_DATA = /^\.(data|rodata|bss)(\.|$)/;

/**
 * Makes sure that functions and variables are marked as such and have a size. In a section of code without any functions
 * these are its global labels, or else its start, which then has the section's name; variables are likewise the marked or
 * else the global labels of global data. Without a size a symbol reaches up to the next one.
 */
export const markSymbols = (assembly: Assembly): MarkedAssembly => {
  const inside = new Map<string | undefined, AssembledSymbol[]>();
  for (const symbol of assembly.symbols) {
    const known = inside.get(symbol.section);
    if (known === undefined) inside.set(symbol.section, [symbol]);
    else known.push(symbol);
  }
  const functions = new Map<string, readonly AssembledSymbol[]>();
  const variables = new Map<string, readonly AssembledSymbol[]>();
  for (const section of assembly.sections) {
    const { name, executable, bytes } = section;
    if (bytes.length === 0 || !(executable || GLOBAL_DATA.test(name))) continue;
    const symbols = inside.get(name) ?? [];
    const sized = withSizes(section, executable ? functionsOf(name, symbols) : variablesOf(symbols));
    if (executable) functions.set(name, sized);
    else if (sized.length > 0) variables.set(name, sized);
    const names = new Set(sized.map((symbol) => symbol.name));
    inside.set(name, [...symbols.filter((symbol) => !names.has(symbol.name)), ...sized]);
  }
  return { ...assembly, symbols: [...inside.values()].flat(), functions, variables };
};

const withSizes = ({ bytes }: AssembledSection, symbols: readonly AssembledSymbol[]): AssembledSymbol[] => {
  const sorted = symbols.toSorted((a, b) => a.offset - b.offset);
  return sorted.map((symbol, i) => ({
    ...symbol,
    size: symbol.size || (sorted[i + 1]?.offset ?? bytes.length) - symbol.offset,
  }));
};

const functionsOf = (section: string, symbols: readonly AssembledSymbol[]): AssembledSymbol[] => {
  const marked = symbols.filter(({ type }) => type === "function");
  if (marked.length > 0) return marked;
  const entries = symbols.filter(({ binding }) => binding !== "local");
  const start = { name: section.replace(/\W/g, "_"), section, offset: 0, size: 0, binding: "global" as const };
  return (entries.length > 0 ? entries : [start]).map((symbol) => ({ ...symbol, type: "function" as const }));
};

const variablesOf = (symbols: readonly AssembledSymbol[]): AssembledSymbol[] =>
  symbols
    .filter(({ type, binding }) => type === "object" || binding !== "local")
    .map((symbol) => ({ ...symbol, type: "object" as const }));
