import {
  type Btf,
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
  constructor(file: ElfFile, completeExterns: (edits: TypeEdits) => void) {
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

/** Changes of types, collected before they are made. */
export class TypeEdits {
  readonly btf: Btf;
  readonly #changes = new Map<number, BtfType>();
  readonly #added: BtfType[] = [];

  constructor(btf: Btf) {
    this.btf = btf;
  }

  /** The type as it is by now. */
  type(id: number): BtfType {
    return this.#changes.get(id) ?? this.btf.type(id);
  }

  set(id: number, type: BtfType): void {
    this.#changes.set(id, type);
  }

  /** Adds a type and returns its id. */
  add(type: BtfType): number {
    return this.btf.typeCount + this.#added.push(type) - 1;
  }

  finish(): Btf {
    return this.btf.changed(this.#changes, this.#added);
  }
}

/**
 * Fills in sizes of data sections and offsets of variables in them, and makes what is hidden static: outside of the
 * object nobody can call or set it.
 */
const complete = (btf: Btf, file: ElfFile, completeExterns: (edits: TypeEdits) => void): Btf => {
  const edits = new TypeEdits(btf);
  const layout = layoutOf(file);
  for (const name of layout.sizes.keys()) {
    const id = btf.findByName(name, "datasec");
    const type = id === undefined ? undefined : btf.type(id);
    if (id !== undefined && type?.kind === "datasec") edits.set(id, completeSection(btf, type, layout));
  }
  for (const { name, hidden } of layout.symbols.values()) {
    if (!hidden) continue;
    for (const kind of ["func", "var"] as const) {
      const id = btf.findByName(name, kind);
      const type = id === undefined ? undefined : btf.type(id);
      if (id === undefined || (type?.kind !== "func" && type?.kind !== "var")) continue;
      if (type.linkage === "global") edits.set(id, { ...type, linkage: "static" });
    }
  }
  completeExterns(edits);
  return edits.finish();
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
