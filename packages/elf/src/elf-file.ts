import { type ByteOrder, ByteReader } from "@ebpf/core";
import { ElfError } from "./errors.js";

/*
 * The ELF64 container, as far as relocatable objects need it. Numbers: System V ABI, "Object Files", and for the
 * machine and relocations LLVM's documentation "BPF Relocations".
 */

const MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const LITTLE = 1;
const BIG = 2;
export const RELOCATABLE = 1;
const MACHINE_NONE = 0; // written by LLVM before 3.9
export const MACHINE_BPF = 247;
export const FILE_HEADER_SIZE = 64;
export const SECTION_HEADER_SIZE = 64;
export const SYMBOL_SIZE = 24;
export const RELOCATION_SIZE = 16;
/** Section index that says "see section 0". */
const EXTENDED_INDEX = 0xffff;
/** Indexes from here on are no sections. */
export const RESERVED_INDEX = 0xff00;
/** Bytes of a name. String tables share tails, so without a limit names could be far larger than the file. */
const MAX_NAME = 2048;

/** Types of sections. */
export const SECTION_TYPE = { null: 0, progbits: 1, symtab: 2, strtab: 3, rela: 4, nobits: 8, rel: 9 } as const;
/** Bits of section flags. */
export const SECTION_FLAG = { write: 1, alloc: 2, execute: 4 } as const;

/** A section, with its content. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  /** The low 32 bits. */
  readonly flags: number;
  readonly link: number;
  readonly info: number;
  /** Bytes in memory. */
  readonly size: number;
  /** What its address is a multiple of. */
  readonly alignment: number;
  /** The content; of no bytes for sections that hold only zeros (`.bss`). */
  readonly content: ByteReader;
}

/** What a symbol stands for. */
export type SymbolKind = "none" | "object" | "function" | "section" | "other";

/** A symbol: a name for a place in a section. */
export interface ElfSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  readonly binding: "local" | "global" | "weak";
  /** Not visible outside of its object, although not local. */
  readonly hidden: boolean;
  /** Index of the section it lies in; 0 when it is undefined. */
  readonly section: number;
  /** Bytes from the start of the section. */
  readonly value: number;
  readonly size: number;
}

/** A place in a section that depends on where a symbol ends up. */
export interface ElfRelocation {
  /** Bytes from the start of the section that is patched. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

/** An ELF file, taken apart. */
export interface ElfFile {
  readonly order: ByteOrder;
  /** By index. */
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  readonly symbolsBySection: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** Sections of relocations by the section that they patch. */
  readonly relocationsBySection: ReadonlyMap<number, readonly ElfSection[]>;
}

/**
 * Takes an ELF file apart.
 *
 * @param path what errors call the file
 * @throws ElfError `NOT_ELF`, `WRONG_CLASS`, `WRONG_MACHINE`, `WRONG_TYPE`, `BAD_SECTION`; MalformedError where the
 *   file breaks off or points outside of itself.
 */
export const parseElf = (bytes: Uint8Array, path: string): ElfFile => {
  const reader = openFile(bytes, path);
  requireObject(reader);
  const headers = readHeaders(reader);
  checkOverlap(reader, headers);
  const sections = readSections(reader, headers);
  const symbols = readSymbols(sections);
  const tables = sections.filter(({ type }) => type === SECTION_TYPE.rel || type === SECTION_TYPE.rela);
  return {
    order: reader.order,
    sections,
    symbols,
    symbolsBySection: groupBy(symbols, ({ section }) => section),
    relocationsBySection: groupBy(tables, ({ info }) => info),
  };
};

/**
 * The content of a section of an ELF file for any machine, the first with that name; `undefined` when it has none.
 *
 * @param path what errors call the file
 * @throws ElfError `NOT_ELF`, `WRONG_CLASS`, `BAD_SECTION`; MalformedError as `parseElf`.
 */
export const sectionContent = (bytes: Uint8Array, path: string, name: string): ByteReader | undefined => {
  const reader = openFile(bytes, path);
  return readSections(reader, readHeaders(reader)).find((section) => section.name === name)?.content;
};

/** Whether a file begins as ELF files do. */
export const isElf = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new ByteReader(bytes, "big", "").u32(0) === MAGIC;

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => number): Map<number, T[]> => {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
};

const openFile = (bytes: Uint8Array, path: string): ByteReader => {
  if (!isElf(bytes)) throw new ElfError("NOT_ELF", "not an ELF file", { path, offset: 0 });
  const identity = new ByteReader(bytes, "big", path);
  if (identity.u8(4) !== CLASS_64) throw new ElfError("WRONG_CLASS", "not a 64-bit ELF file", { path, offset: 4 });
  const data = identity.u8(5);
  if (data !== LITTLE && data !== BIG) throw new ElfError("NOT_ELF", `${data} is no byte order`, { path, offset: 5 });
  return new ByteReader(bytes, data === LITTLE ? "little" : "big", path);
};

/** Refuses what is no relocatable object for BPF. */
const requireObject = (reader: ByteReader): void => {
  const { path } = reader;
  const machine = reader.u16(18);
  if (machine !== MACHINE_BPF && machine !== MACHINE_NONE) {
    throw new ElfError("WRONG_MACHINE", `for machine ${machine}, not for BPF (${MACHINE_BPF})`, {
      path,
      offset: 18,
      hint: "compile with clang -target bpf -c",
    });
  }
  if (reader.u16(16) !== RELOCATABLE) {
    throw new ElfError("WRONG_TYPE", `no relocatable object: its type is ${reader.u16(16)}`, { path, offset: 16 });
  }
};

type Header = Omit<ElfSection, "name" | "content"> & { readonly nameOffset: number; readonly offset: number };

const readHeader = (table: ByteReader, index: number): Header => {
  const at = index * SECTION_HEADER_SIZE;
  return {
    index,
    nameOffset: table.u32(at),
    type: table.u32(at + 4),
    flags: table.u32(at + (table.order === "little" ? 8 : 12)),
    offset: table.size64(at + 24),
    size: table.size64(at + 32),
    link: table.u32(at + 40),
    info: table.u32(at + 44),
    alignment: table.size64(at + 48),
  };
};

const readSections = (reader: ByteReader, headers: readonly Header[]): ElfSection[] => {
  const nameSection = reader.u16(62) === EXTENDED_INDEX ? (headers[0]?.link ?? 0) : reader.u16(62);
  const nameHeader = headers[nameSection];
  const names = nameHeader === undefined ? undefined : contentOf(reader, nameHeader, `[${nameSection}]`);
  return headers.map((header) => {
    const name = names === undefined ? "" : readName(names, header.nameOffset);
    const { index, type, flags, link, info, size, alignment } = header;
    const content = contentOf(reader, header, name || `[${index}]`);
    // Written out: spreading the header takes a sixth of the time to open an object.
    return { index, name, type, flags, link, info, size, alignment, content };
  });
};

const hasContent = ({ type }: Header): boolean => type !== SECTION_TYPE.null && type !== SECTION_TYPE.nobits;

const contentOf = (reader: ByteReader, header: Header, name: string): ByteReader =>
  hasContent(header)
    ? reader.slice(header.offset, header.size, name)
    : new ByteReader(new Uint8Array(0), reader.order, `${reader.path}/${name}`, header.offset);

/** Sections that share bytes make no sense, and could multiply the work on a small file. */
const checkOverlap = (reader: ByteReader, headers: readonly Header[]): void => {
  const filled = headers.filter((header) => hasContent(header) && header.size > 0).sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < filled.length; i++) {
    const before = filled[i - 1]!;
    const { index, offset } = filled[i]!;
    if (offset >= before.offset + before.size) continue;
    throw new ElfError("BAD_SECTION", `sections ${before.index} and ${index} overlap`, {
      path: `${reader.path}/[${index}]`,
      offset,
    });
  }
};

const readHeaders = (reader: ByteReader): Header[] => {
  const offset = reader.size64(40);
  if (offset === 0) return [];
  if (offset < FILE_HEADER_SIZE || reader.u16(58) !== SECTION_HEADER_SIZE) {
    throw new ElfError("BAD_SECTION", `section headers at ${offset} of ${reader.u16(58)} bytes`, {
      path: reader.path,
      offset: 40,
    });
  }
  const first = readHeader(reader.slice(offset, SECTION_HEADER_SIZE, "sections"), 0);
  const count = reader.u16(60) === 0 ? first.size : reader.u16(60);
  const table = reader.slice(offset, count * SECTION_HEADER_SIZE, "sections");
  return Array.from({ length: count }, (_, index) => readHeader(table, index));
};

const readName = (table: ByteReader, offset: number): string =>
  offset === table.length ? "" : table.cString(offset, MAX_NAME);

const readSymbols = (sections: readonly ElfSection[]): ElfSymbol[] => {
  const tables = sections.filter(({ type }) => type === SECTION_TYPE.symtab);
  const [table] = tables;
  if (table === undefined) return [];
  const { content } = table;
  if (tables.length > 1) {
    throw new ElfError("BAD_SECTION", "there are several symbol tables", tables[1]!.content);
  }
  const names = sections[table.link];
  if (names?.type !== SECTION_TYPE.strtab) {
    throw new ElfError("BAD_SECTION", `the names of symbols are in section ${table.link}, no string table`, content);
  }
  const symbols = Array.from({ length: Math.floor(content.length / SYMBOL_SIZE) }, (_, i) => {
    const symbol = readSymbol(content, i * SYMBOL_SIZE, names.content);
    if (symbol.section === EXTENDED_INDEX || (symbol.section < RESERVED_INDEX && symbol.section >= sections.length)) {
      throw new ElfError("BAD_SYMBOL", `there is no section ${symbol.section}`, {
        path: `${content.path}[${i}]`,
        offset: content.base + i * SYMBOL_SIZE,
      });
    }
    // Section symbols have no name of their own.
    return symbol.kind === "section" ? { ...symbol, name: sections[symbol.section]?.name ?? "" } : symbol;
  });
  checkNames(symbols, content);
  return symbols;
};

/** Of several definitions of a name, nobody could say which one is meant. */
const checkNames = (symbols: readonly ElfSymbol[], { path, base }: ByteReader): void => {
  const defined = new Set<string>();
  symbols.forEach(({ name, binding, section }, index) => {
    if (binding === "local" || section === 0) return;
    if (defined.has(name)) {
      const place = { path: `${path}[${index}]`, offset: base + index * SYMBOL_SIZE };
      throw new ElfError("BAD_SYMBOL", `${name} is defined twice`, place);
    }
    defined.add(name);
  });
};

const KINDS: readonly SymbolKind[] = ["none", "object", "function", "section"];
const BINDINGS = ["local", "global", "weak"] as const;
const VISIBILITY_INTERNAL = 1;
const VISIBILITY_HIDDEN = 2;

const readSymbol = (table: ByteReader, at: number, names: ByteReader): ElfSymbol => {
  const info = table.u8(at + 4);
  const visibility = table.u8(at + 5) & 3;
  return {
    name: readName(names, table.u32(at)),
    kind: KINDS[info & 0xf] ?? "other",
    binding: BINDINGS[info >> 4] ?? "local",
    hidden: visibility === VISIBILITY_INTERNAL || visibility === VISIBILITY_HIDDEN,
    section: table.u16(at + 6),
    value: table.size64(at + 8),
    size: table.size64(at + 16),
  };
};

/**
 * The relocations that patch a section, in the order of the file.
 *
 * @throws ElfError `BAD_RELOCATION` for a symbol that isn't there; `UNSUPPORTED_RELOCATION` for relocations with addends.
 */
export const relocationsOf = (file: ElfFile, section: ElfSection): ElfRelocation[] =>
  (file.relocationsBySection.get(section.index) ?? []).flatMap((table) => readRelocations(file, table));

const readRelocations = (file: ElfFile, { type, content }: ElfSection): ElfRelocation[] => {
  if (type === SECTION_TYPE.rela) {
    throw new ElfError("UNSUPPORTED_RELOCATION", "relocations with addends are not of BPF", content);
  }
  const [typeAt, symbolAt] = file.order === "little" ? [8, 12] : [12, 8];
  return Array.from({ length: Math.floor(content.length / RELOCATION_SIZE) }, (_, i) => {
    const at = i * RELOCATION_SIZE;
    const index = content.u32(at + symbolAt);
    const symbol = file.symbols[index];
    if (symbol === undefined) {
      throw new ElfError("BAD_RELOCATION", `there is no symbol ${index}, of ${file.symbols.length}`, {
        path: `${content.path}[${i}]`,
        offset: content.base + at,
      });
    }
    return { offset: content.size64(at), type: content.u32(at + typeAt), symbol };
  });
};

/** Types of relocations: of a 64-bit immediate, of 64-bit and 32-bit data, of what no linker has to know, and of a call. */
export const RELOCATION = { none: 0, wide: 1, data64: 2, data32: 3, debug32: 4, call: 10 } as const;
