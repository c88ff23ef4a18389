import type { ByteOrder } from "@ebpf/core";
import { ByteWriter } from "@ebpf/core";
import {
  FILE_HEADER_SIZE,
  MACHINE_BPF,
  RELOCATABLE,
  RELOCATION_SIZE,
  RESERVED_INDEX,
  SECTION_HEADER_SIZE,
  SECTION_TYPE,
  SYMBOL_SIZE,
  type SymbolKind,
} from "../elf-file.js";
import { ElfError } from "../errors.js";

/** A section that is to be written. */
export interface RelocatableSection {
  readonly name: string;
  /** `nobits` for zeros that the file doesn't hold. */
  readonly type: "progbits" | "nobits";
  /** Bits of `SECTION_FLAG`. */
  readonly flags: number;
  /** A power of two. */
  readonly alignment: number;
  /** Bytes in memory; those of `bytes` unless it is `nobits`. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly relocations: readonly {
    /** Bytes from the start of the section. */
    readonly offset: number;
    readonly type: number;
    readonly symbol: RelocatableSymbol;
  }[];
}

/** A symbol that is to be written. */
export interface RelocatableSymbol {
  /** Empty for that of a section. */
  readonly name: string;
  readonly kind: Exclude<SymbolKind, "other">;
  readonly binding: "local" | "global" | "weak";
  readonly hidden?: boolean;
  /** The section it lies in; `undefined` when it is not defined. */
  readonly section: RelocatableSection | undefined;
  /** Bytes from the start of the section. */
  readonly value: number;
  readonly size: number;
}

/** A relocatable object file. */
export interface RelocatableFile {
  readonly order: ByteOrder;
  readonly sections: readonly RelocatableSection[];
  readonly symbols: readonly RelocatableSymbol[];
}

/** Strings, each once, behind the empty one. */
class StringSection {
  readonly #writer: ByteWriter;
  readonly #offsets = new Map<string, number>();
  readonly #encoder = new TextEncoder();

  constructor(order: ByteOrder) {
    this.#writer = new ByteWriter(order).u8(0);
    this.#offsets.set("", 0);
  }

  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new ElfError("BAD_SYMBOL", `name ${JSON.stringify(text)} holds a zero byte`);
    const offset = this.#writer.length;
    this.#offsets.set(text, offset);
    this.#writer.raw(this.#encoder.encode(text)).u8(0);
    return offset;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

/** A section header and what it is of. */
interface Entry {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entrySize: number;
  readonly size: number;
  readonly bytes: Uint8Array;
}

/**
 * Writes a relocatable object file: header, sections, their relocations, symbols, strings, and the table of sections.
 *
 * @throws ElfError `LIMIT` for more sections than their numbers have room for; `BAD_SYMBOL`.
 */
export const encodeElf = ({ order, sections, symbols }: RelocatableFile): Uint8Array => {
  const relocated = sections.filter(({ relocations }) => relocations.length > 0);
  // 0 is no section; behind all others stand symbols and their names.
  const symbolTable = 1 + sections.length + relocated.length;
  if (symbolTable + 2 > RESERVED_INDEX) throw new ElfError("LIMIT", `${symbolTable + 2} sections are too many`);
  const strings = new StringSection(order);
  const indexOf = new Map(sections.map((section, i) => [section, 1 + i]));
  // Symbols of one object come first, as the format wants it.
  const sorted = [...symbols.filter(isLocal), ...symbols.filter((symbol) => !isLocal(symbol))];
  const numbers = new Map(sorted.map((symbol, i) => [symbol, 1 + i]));
  const entries: Entry[] = [
    ...sections.map(sectionEntry),
    ...relocated.map((section) =>
      relocationEntry(section, order, { numbers, symbolTable, target: indexOf.get(section)! }),
    ),
  ];
  entries.push({
    ...TABLE,
    name: ".symtab",
    type: SECTION_TYPE.symtab,
    link: symbolTable + 1,
    info: 1 + symbols.filter(isLocal).length,
    entrySize: SYMBOL_SIZE,
    ...content(encodeSymbols(sorted, strings, indexOf, order)),
  });
  for (const { name } of entries) strings.add(name);
  const names = [...entries.map(({ name }) => strings.add(name)), strings.add(".strtab")];
  entries.push({ ...TABLE, name: ".strtab", type: SECTION_TYPE.strtab, alignment: 1, ...content(strings.finish()) });
  return encodeFile(entries, names, order);
};

const isLocal = ({ binding }: RelocatableSymbol): boolean => binding === "local";

/** What tables have in common. */
const TABLE = { flags: 0, link: 0, info: 0, alignment: 8, entrySize: 0 } as const;

const content = (bytes: Uint8Array) => ({ bytes, size: bytes.length });

const sectionEntry = ({ name, type, flags, alignment, size, bytes }: RelocatableSection): Entry => ({
  ...TABLE,
  name,
  type: SECTION_TYPE[type],
  flags,
  alignment,
  size,
  bytes,
});

const relocationEntry = (
  { name, relocations }: RelocatableSection,
  order: ByteOrder,
  place: { numbers: ReadonlyMap<RelocatableSymbol, number>; symbolTable: number; target: number },
): Entry => {
  const writer = new ByteWriter(order, relocations.length * RELOCATION_SIZE);
  for (const { offset, type, symbol } of relocations) {
    const number = place.numbers.get(symbol);
    if (number === undefined) throw new ElfError("BAD_SYMBOL", `${symbol.name} is not among the symbols`);
    writer.u64(BigInt(offset)).u64((BigInt(number) << 32n) | BigInt(type));
  }
  return {
    ...TABLE,
    name: `.rel${name}`,
    type: SECTION_TYPE.rel,
    link: place.symbolTable,
    info: place.target,
    entrySize: RELOCATION_SIZE,
    ...content(writer.finish()),
  };
};

const KIND_NUMBERS = { none: 0, object: 1, function: 2, section: 3 } as const;
const BINDING_NUMBERS = { local: 0, global: 1, weak: 2 } as const;
const HIDDEN = 2;

const encodeSymbols = (
  symbols: readonly RelocatableSymbol[],
  strings: StringSection,
  indexOf: ReadonlyMap<RelocatableSection, number>,
  order: ByteOrder,
): Uint8Array => {
  const writer = new ByteWriter(order, (1 + symbols.length) * SYMBOL_SIZE).raw(new Uint8Array(SYMBOL_SIZE));
  for (const { name, kind, binding, hidden, section, value, size } of symbols) {
    writer
      .u32(strings.add(name))
      .u8((BINDING_NUMBERS[binding] << 4) | KIND_NUMBERS[kind])
      .u8(hidden ? HIDDEN : 0)
      .u16(section === undefined ? 0 : indexOf.get(section)!)
      .u64(BigInt(value))
      .u64(BigInt(size));
  }
  return writer.finish();
};

const encodeFile = (entries: readonly Entry[], names: readonly number[], order: ByteOrder): Uint8Array => {
  const body = new ByteWriter(
    order,
    entries.reduce((sum, { bytes }) => sum + bytes.length + 16, 64),
  );
  body.raw(new Uint8Array(FILE_HEADER_SIZE));
  const offsets = entries.map(({ alignment, bytes }) => {
    body.align(Math.max(alignment, 1));
    const offset = body.length;
    body.raw(bytes);
    return offset;
  });
  const table = body.align(8).length;
  body.raw(new Uint8Array(SECTION_HEADER_SIZE));
  entries.forEach(({ type, flags, size, link, info, alignment, entrySize }, i) => {
    body.u32(names[i]!).u32(type).u64(BigInt(flags)).u64(0n);
    body.u64(BigInt(offsets[i]!)).u64(BigInt(size)).u32(link).u32(info);
    body.u64(BigInt(alignment)).u64(BigInt(entrySize));
  });
  const file = body.finish();
  file.set(fileHeader(table, entries.length + 1, order));
  return file;
};

const fileHeader = (table: number, count: number, order: ByteOrder): Uint8Array =>
  new ByteWriter(order, FILE_HEADER_SIZE)
    .raw(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, order === "little" ? 1 : 2, 1))
    .align(16)
    .u16(RELOCATABLE)
    .u16(MACHINE_BPF)
    .u32(1) // the format's version
    .u64(0n)
    .u64(0n)
    .u64(BigInt(table))
    .u32(0)
    .u16(FILE_HEADER_SIZE)
    .u16(0)
    .u16(0)
    .u16(SECTION_HEADER_SIZE)
    .u16(count)
    .u16(count - 1)
    .finish();
