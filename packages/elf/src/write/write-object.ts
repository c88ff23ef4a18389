import type { AssembledRelocation, AssembledSection, Assembly } from "@ebpf/asm";
import { SLOT_SIZE } from "@ebpf/asm";
import { type Btf, BtfBuilder } from "@ebpf/btf";
import type { ByteOrder } from "@ebpf/core";
import type { MapSpec } from "@ebpf/platform";
import { RELOCATION, SECTION_FLAG } from "../elf-file.js";
import { ElfError } from "../errors.js";
import { JUMP_TABLES } from "../programs/jump-tables.js";
import { encodeCodeTypes } from "./code-types.js";
import { addDataTypes } from "./data-types.js";
import { layOutMaps } from "./map-layout.js";
import { encodeElf, type RelocatableSection, type RelocatableSymbol } from "./relocatable.js";
import { markSymbols } from "./symbols.js";

/** What an object file is written from. */
export interface ObjectSource {
  /**
   * Code and data with the names they refer to, as `assemble` and `programsAssembly` give it. Sections of code are
   * programs, named as libbpf wants it; functions that they call stand in `.text`. `.bss*` holds zeros.
   */
  readonly assembly: Assembly;
  /** The order that the assembly's bytes are in; little by default. */
  readonly order?: ByteOrder;
  readonly license?: string;
  /** Maps that the code refers to by name. */
  readonly maps?: readonly MapSpec[];
  /** The assembly's text, for the lines of programs. */
  readonly source?: { readonly file: string; readonly text: string };
  /** Types of functions in types of one's own, by name; without one a function takes a context and returns a number. */
  readonly types?: { readonly btf: Btf; readonly functions: ReadonlyMap<string, number> };
}

/**
 * Writes an object file that libbpf loads: code, data, symbols, maps, and types with functions and lines.
 *
 * A name that is neither defined nor a map stays undefined, for a linker.
 *
 * @throws ElfError `BAD_MAP`, `BAD_SYMBOL`, `BAD_SECTION`; `UNDEFINED_SYMBOL`, `BAD_RELOCATION` for an assembly that
 *   contradicts itself; `LIMIT`; BtfError `UNENCODABLE`.
 * @example
 * const assembly = assemble('.section xdp,"ax"\n.globl pass\n.type pass,@function\npass: r0 = 2\nexit', { dialect: "kernel" });
 * await writeFile("pass.o", writeObject({ assembly, license: "GPL" }));
 */
export const writeObject = (source: ObjectSource): Uint8Array => {
  const { order = "little", maps = [], license } = source;
  const assembly = markSymbols(source.assembly);
  const types = new BtfBuilder({ order });
  const described = new Set<string>();
  for (const type of source.types?.btf.ownTypes() ?? []) {
    types.add(type);
    if (type.kind === "datasec") described.add(type.name);
  }
  const layout = layOutMaps(types, maps, order);
  addDataTypes(types, assembly, described);
  const encoded = encodeCodeTypes(types, assembly, source);
  const draft = new Draft(order);
  for (const section of assembly.sections) if (section.bytes.length > 0) draft.addSection(section);
  if (layout.size > 0) draft.add(".maps", data(".maps", new Uint8Array(layout.size), DATA, SLOT_SIZE));
  if (license !== undefined) {
    const content = new TextEncoder().encode(`${license}\0`);
    draft.add("license", data("license", content, DATA, 1));
  }
  draft.add(".BTF", data(".BTF", encoded.btf, 0, 4));
  draft.add(".BTF.ext", data(".BTF.ext", encoded.ext, 0, 4));

  for (const { name, offset, size } of layout.places) {
    draft.symbol({ name, kind: "object", binding: "global", value: offset, size, section: ".maps" });
  }
  const known = new Set(maps.map(({ name }) => name));
  for (const symbol of assembly.symbols) {
    if (symbol.section === undefined && known.has(symbol.name)) continue;
    draft.symbol({ ...symbol, kind: symbol.type, value: symbol.offset });
  }
  for (const relocation of assembly.relocations) draft.relocate(relocation);
  for (const { offset, symbol } of layout.values) {
    draft.relocate({ section: ".maps", offset, kind: "abs64", symbol, addend: 0n });
  }
  return draft.finish();
};

/** Flags of data that programs may change. */
const DATA = SECTION_FLAG.write | SECTION_FLAG.alloc;

const data = (name: string, bytes: Uint8Array, flags: number, alignment: number): RelocatableSection => ({
  name,
  type: "progbits",
  flags,
  alignment,
  size: bytes.length,
  bytes,
  relocations: [],
});

const RELOCATION_TYPES = {
  imm64: RELOCATION.wide,
  call: RELOCATION.call,
  abs32: RELOCATION.data32,
  abs64: RELOCATION.data64,
} as const;

/** A symbol whose section is known by name. */
type NamedSymbol = Omit<RelocatableSymbol, "section"> & { readonly section: string | undefined };

/** An object file in the making. */
class Draft {
  readonly #order: ByteOrder;
  readonly #sections = new Map<
    string,
    RelocatableSection & { relocations: RelocatableSection["relocations"][number][] }
  >();
  readonly #symbols = new Map<string, RelocatableSymbol>();

  constructor(order: ByteOrder) {
    this.#order = order;
  }

  /** @throws ElfError `BAD_SECTION` for a second section of one name. */
  add(name: string, section: RelocatableSection): void {
    if (this.#sections.has(name)) throw new ElfError("BAD_SECTION", `there are two sections ${name}`);
    this.#sections.set(name, { ...section, bytes: section.bytes.slice(), relocations: [] });
  }

  addSection({ name, executable, bytes }: AssembledSection): void {
    const isZeros = /^\.bss(\.|$)/.test(name);
    const readOnly = /^\.rodata(\.|$)/.test(name);
    this.add(name, {
      name,
      type: isZeros ? "nobits" : "progbits",
      flags: SECTION_FLAG.alloc | (executable ? SECTION_FLAG.execute : readOnly ? 0 : SECTION_FLAG.write),
      alignment: SLOT_SIZE,
      size: bytes.length,
      bytes: isZeros ? new Uint8Array(0) : bytes,
      relocations: [],
    });
  }

  symbol({ name, kind, binding, section, value, size, hidden }: NamedSymbol): void {
    if (this.#symbols.has(name)) throw new ElfError("BAD_SYMBOL", `${name} is defined twice`);
    this.#symbols.set(name, {
      name,
      kind,
      binding,
      value,
      size,
      section: section === undefined ? undefined : this.#sections.get(section),
      ...(hidden === undefined ? {} : { hidden }),
    });
  }

  /** Libbpf takes addresses of local functions only by way of their section, and sizes of jump tables from their symbols. */
  #targetOf(symbol: RelocatableSymbol, kind: AssembledRelocation["kind"]): RelocatableSymbol {
    const { section, binding } = symbol;
    const byName = kind === "abs32" || kind === "abs64" || kind === "call" || section?.name === JUMP_TABLES;
    if (section === undefined || binding !== "local" || byName) return symbol;
    const key = `section ${section.name}`;
    const known = this.#symbols.get(key);
    if (known !== undefined) return known;
    const made: RelocatableSymbol = { name: "", kind: "section", binding: "local", section, value: 0, size: 0 };
    this.#symbols.set(key, made);
    return made;
  }

  relocate({ section, offset, kind, symbol, addend }: AssembledRelocation): void {
    const named = this.#symbols.get(symbol);
    const place = this.#sections.get(section);
    if (named === undefined) {
      throw new ElfError("UNDEFINED_SYMBOL", `${symbol} is none of the assembly's symbols`, { path: section, offset });
    }
    if (place === undefined || offset + SLOT_SIZE > place.bytes.length) {
      throw new ElfError("BAD_RELOCATION", `a relocation of ${symbol} stands outside of section ${section}`);
    }
    const target = this.#targetOf(named, kind);
    const value = addend + BigInt(named.value - target.value);
    this.#write(place.bytes, offset, kind, value);
    place.relocations.push({ offset, type: RELOCATION_TYPES[kind], symbol: target });
  }

  /** What is to be added to the symbol's address stands where the sum will go; a call counts slots, less one. */
  #write(bytes: Uint8Array, offset: number, kind: AssembledRelocation["kind"], value: bigint): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const little = this.#order === "little";
    switch (kind) {
      case "imm64":
        view.setInt32(offset + 4, Number(BigInt.asIntN(32, value)), little);
        if (offset + 2 * SLOT_SIZE <= bytes.length) {
          view.setInt32(offset + SLOT_SIZE + 4, Number(BigInt.asIntN(32, value >> 32n)), little);
        }
        return;
      case "call":
        view.setInt32(offset + 4, Number(value / BigInt(SLOT_SIZE)) - 1, little);
        return;
      case "abs32":
        view.setInt32(offset, Number(BigInt.asIntN(32, value)), little);
        return;
      case "abs64":
        view.setBigInt64(offset, BigInt.asIntN(64, value), little);
    }
  }

  finish(): Uint8Array {
    return encodeElf({
      order: this.#order,
      sections: [...this.#sections.values()],
      symbols: [...this.#symbols.values()],
    });
  }
}
