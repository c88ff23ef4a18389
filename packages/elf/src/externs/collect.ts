import { type Btf, type BtfType, withoutFlavour } from "@ebpf/btf";
import type { ElfFile, ElfSymbol } from "../elf-file.js";

/** Sections of BTF that say where a declared thing comes from. */
export const KSYMS = ".ksyms";
export const KCONFIG = ".kconfig";

/** Something that an object declares and the kernel or its configuration has. */
export interface Extern {
  readonly name: string;
  /** What the kernel calls it: the name without its flavour (`___x`). */
  readonly kernelName: string;
  /** True when the object copes without it. */
  readonly isWeak: boolean;
  readonly from: typeof KSYMS | typeof KCONFIG;
  /** Its `var` or `func`. */
  readonly type: BtfType & { readonly kind: "var" | "func" };
}

/** A configuration value with its place in the map that holds all of them. */
export interface KconfigExtern extends Extern {
  readonly size: number;
  readonly offset: number;
}

/** The externs of an object. */
export interface Externs {
  /** In the order of the map: by falling alignment, rising size, and name. */
  readonly kconfig: readonly KconfigExtern[];
  /** By name. */
  readonly ksyms: readonly Extern[];
}

/** Finds what the object declares and does not define; what BTF doesn't describe is left out. */
export const collectExterns = (file: ElfFile, btf: Btf | undefined): Externs => {
  const undefinedSymbols = file.symbols.filter(
    ({ section, binding, kind, name }) => section === 0 && binding !== "local" && kind === "none" && name !== "",
  );
  if (btf === undefined || undefinedSymbols.length === 0) return { kconfig: [], ksyms: [] };
  const declared = declarations(btf);
  const externs = undefinedSymbols.flatMap((symbol) => externOf(symbol, declared));
  return {
    kconfig: layOut(
      btf,
      externs.filter(({ from, type }) => from === KCONFIG && type.kind === "var"),
    ),
    ksyms: externs.filter(({ from }) => from === KSYMS).sort(byName),
  };
};

type Declarations = ReadonlyMap<string, Pick<Extern, "from" | "type">>;

const declarations = (btf: Btf): Declarations => {
  const found = new Map<string, Pick<Extern, "from" | "type">>();
  for (const from of [KSYMS, KCONFIG] as const) {
    const id = btf.findByName(from, "datasec");
    const section = id === undefined ? undefined : btf.type(id);
    if (section?.kind !== "datasec") continue;
    for (const entry of section.variables) {
      const type = btf.type(entry.type);
      if (type.kind === "var" || type.kind === "func") found.set(type.name, { from, type });
    }
  }
  return found;
};

const externOf = ({ name, binding }: ElfSymbol, declared: Declarations): Extern[] => {
  const declaration = declared.get(name);
  if (declaration === undefined) return [];
  return [{ name, kernelName: withoutFlavour(name), isWeak: binding === "weak", ...declaration }];
};

/** As C compares strings of ASCII. */
const byName = (a: Extern, b: Extern): number => (a.name < b.name ? -1 : Number(a.name > b.name));

const layOut = (btf: Btf, externs: readonly Extern[]): KconfigExtern[] => {
  const measured = externs.map((extern) => ({
    ...extern,
    size: btf.sizeOf(extern.type.type),
    alignment: btf.alignOf(extern.type.type),
  }));
  measured.sort((a, b) => b.alignment - a.alignment || a.size - b.size || byName(a, b));
  let end = 0;
  return measured.map(({ alignment, ...extern }) => {
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + extern.size;
    return { ...extern, offset };
  });
};
