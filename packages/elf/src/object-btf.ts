import {
  Btf,
  type BtfExt,
  type BtfSectionVariable,
  type BtfType,
  type BtfTypeOf,
  decodeBtf,
  decodeBtfExt,
} from "@ebpf/btf";
import type { ElfFile, ElfSymbol } from "./elf-file.js";
import { lazy } from "./lazy.js";

/** The types of an object, and what they say of its code. */
export class ObjectBtf {
  /** The types as they are in the file; `undefined` for objects without. */
  readonly original: Btf | undefined;
  readonly #complete: () => Btf | undefined;
  readonly #ext: () => BtfExt | undefined;

  /** @throws MalformedError when `.BTF` isn't what its name says. */
  constructor(file: ElfFile, completeExterns: (types: BtfType[], btf: Btf) => void) {
    const content = (wanted: string) => file.sections.find(({ name, size }) => name === wanted && size > 0)?.content;
    const types = content(".BTF");
    const original = types && decodeBtf(types.bytes, { order: file.order, path: types.path, offset: types.base });
    this.original = original;
    this.#complete = lazy(() => original && complete(original, file, completeExterns));
    this.#ext = lazy(() => {
      const ext = content(".BTF.ext");
      return (
        original && ext && decodeBtfExt(ext.bytes, original, { order: file.order, path: ext.path, offset: ext.base })
      );
    });
  }

  /** The types with what the compiler left open, ready for a kernel; ids are those of `original`. */
  get complete(): Btf | undefined {
    return this.#complete();
  }

  /** @throws MalformedError when `.BTF.ext` isn't what its name says. */
  get ext(): BtfExt | undefined {
    return this.#ext();
  }
}

/**
 * Fills in sizes of data sections and offsets of variables in them, and makes what is hidden static: outside of the
 * object nobody can call or set it.
 */
const complete = (btf: Btf, file: ElfFile, completeExterns: (types: BtfType[], btf: Btf) => void): Btf => {
  const types = btf.types.slice(btf.firstId);
  const layout = layoutOf(file);
  types.forEach((type, i) => {
    if (type.kind === "datasec") types[i] = completeSection(btf, type, layout);
    else if ((type.kind === "func" || type.kind === "var") && type.linkage === "global") {
      if (layout.symbols.get(type.name)?.hidden) types[i] = { ...type, linkage: "static" };
    }
  });
  completeExterns(types, btf);
  return new Btf(types, { order: file.order, ...(btf.strings === undefined ? {} : { strings: btf.strings }) });
};

/** What the file says that its BTF leaves open, by name. */
export interface Layout {
  readonly sizes: ReadonlyMap<string, number>;
  readonly symbols: ReadonlyMap<string, ElfSymbol>;
}

/** Where the sections and symbols of a file are. */
export const layoutOf = ({ sections, symbols }: ElfFile): Layout => ({
  sizes: new Map(sections.map(({ name, size }) => [name, size])),
  symbols: new Map(
    symbols
      .filter(({ binding, section }) => binding !== "local" && section !== 0)
      .map((symbol) => [symbol.name, symbol] as const),
  ),
});

/**
 * A static variable's offset is right as it stands. That of a global one is 0, with a relocation whose type LLVM changed
 * over time; its symbol says the same in all versions.
 */
export const completeSection = (
  btf: Btf,
  type: BtfTypeOf<"datasec">,
  { sizes, symbols }: Layout,
): BtfTypeOf<"datasec"> => {
  const variables = type.variables.map((entry): BtfSectionVariable => {
    const variable = btf.type(entry.type);
    const isGlobal = variable.kind === "var" && variable.linkage === "global";
    return isGlobal ? { ...entry, offset: symbols.get(variable.name)?.value ?? entry.offset } : entry;
  });
  return {
    ...type,
    size: type.size || (sizes.get(type.name) ?? 0),
    variables: variables.sort((a, b) => a.offset - b.offset),
  };
};
