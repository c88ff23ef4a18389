import type { ElfSymbol } from "../elf-file.js";
import { ElfError } from "../errors.js";
import type { RelocatableSymbol } from "../write/relocatable.js";
import type { OpenInput } from "./input.js";
import type { OutputSection, Placement } from "./sections.js";

/** A symbol that all inputs see, and where the best definition so far is from. */
interface Global {
  symbol: RelocatableSymbol;
  from: OpenInput;
}

/** Decides what each name means. */
export class SymbolMerger {
  readonly #locals: RelocatableSymbol[] = [];
  readonly #globals = new Map<string, Global>();
  readonly #sections = new Map<OutputSection, RelocatableSymbol>();

  /** Those of the output. */
  get symbols(): RelocatableSymbol[] {
    return [...this.#sections.values(), ...this.#locals, ...[...this.#globals.values()].map(({ symbol }) => symbol)];
  }

  /** What the inputs together mean by a name. */
  global(name: string): RelocatableSymbol | undefined {
    return this.#globals.get(name)?.symbol;
  }

  /** Whether the definition of a name is that of an input, and not of another one. */
  isFrom(name: string, input: OpenInput): boolean {
    return this.#globals.get(name)?.from === input;
  }

  /** The symbol that stands for a section itself. */
  ofSection(section: OutputSection): RelocatableSymbol {
    const known = this.#sections.get(section);
    if (known !== undefined) return known;
    const made: RelocatableSymbol = { name: "", kind: "section", binding: "local", section, value: 0, size: 0 };
    this.#sections.set(section, made);
    return made;
  }

  /**
   * Adds a symbol of an input.
   *
   * @param place where its section ended up
   * @returns what relocations against a local one lead to; for those that all see, ask `global` when all are known
   * @throws ElfError `BAD_SYMBOL` for two definitions of a name that are not weak.
   */
  add(symbol: ElfSymbol, place: Placement | undefined, input: OpenInput): RelocatableSymbol | undefined {
    if (symbol.kind === "section") return place && this.ofSection(place.section);
    if (symbol.section !== 0 && place === undefined) return undefined;
    const { name, kind, binding, hidden, value, size } = symbol;
    const made: RelocatableSymbol = {
      name,
      kind: kind === "other" ? "none" : kind,
      binding,
      hidden,
      section: place?.section,
      value: value + (place?.offset ?? 0),
      size,
    };
    if (binding !== "local") this.#addGlobal(made, input);
    else if (name !== "") this.#locals.push(made);
    return binding === "local" ? made : undefined;
  }

  #addGlobal(symbol: RelocatableSymbol, from: OpenInput): void {
    const known = this.#globals.get(symbol.name);
    if (known === undefined) {
      this.#globals.set(symbol.name, { symbol, from });
      return;
    }
    const [winner, loser] = prefer(known, { symbol, from });
    // Who asks for it can't be satisfied with less than the strictest of all.
    const hidden = winner.symbol.hidden === true || loser.symbol.hidden === true;
    const undefinedStrong = winner.symbol.section === undefined && loser.symbol.binding === "global";
    known.from = winner.from;
    known.symbol = { ...winner.symbol, hidden, ...(undefinedStrong ? { binding: "global" as const } : {}) };
  }
}

/** Definitions win over declarations, strong ones over weak ones, and among weak ones the first. */
const prefer = (first: Global, second: Global): readonly [winner: Global, loser: Global] => {
  const [a, b] = [first.symbol, second.symbol];
  if (a.section === undefined || b.section === undefined) {
    return a.section === undefined && b.section !== undefined ? [second, first] : [first, second];
  }
  if (a.binding === "global" && b.binding === "global") {
    throw new ElfError("BAD_SYMBOL", `${a.name} is defined in ${first.from.path} and in ${second.from.path}`);
  }
  return b.binding === "global" ? [second, first] : [first, second];
};
