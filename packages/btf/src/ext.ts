import { ByteReader, type MalformedError } from "@ebpf/core";
import type { Btf } from "./btf.js";
import { openSection, readHeaderStart, type SectionOptions } from "./decode.js";
import { StringTable } from "./strings.js";

/*
 * `.BTF.ext`: what belongs to places in code. Format: Linux documentation, "BPF Type Format (BTF)", §4.
 *
 *   ┌────────┬───────────┬───────────┬──────────────────┐
 *   │ header │ functions │ lines     │ CO-RE relocations│   each part: record size, then per ELF section
 *   └────────┴───────────┴───────────┴──────────────────┘   name_off, count, count × record
 */

/** A function begins here. */
export interface FunctionRecord {
  /** Bytes from the start of the ELF section. */
  readonly offset: number;
  /** Id of its `func`. */
  readonly typeId: number;
}

/** A source line begins here. */
export interface LineRecord {
  /** Bytes from the start of the ELF section. */
  readonly offset: number;
  readonly file: string;
  /** The line's text. */
  readonly text: string;
  readonly line: number;
  /** Counts from 1; 0 when unknown. */
  readonly column: number;
}

/** Kinds of CO-RE relocation; the index is the kind's number. */
export const CORE_RELOCATION_KINDS = [
  "field_byte_offset",
  "field_byte_size",
  "field_exists",
  "field_signed",
  "field_lshift_u64",
  "field_rshift_u64",
  "type_id_local",
  "type_id_target",
  "type_exists",
  "type_size",
  "enumval_exists",
  "enumval_value",
  "type_matches",
] as const;

/** A kind of CO-RE relocation. */
export type CoreRelocationKind = (typeof CORE_RELOCATION_KINDS)[number];

/** An instruction here depends on the layout of the kernel's types. */
export interface CoreRelocationRecord {
  /** Bytes from the start of the ELF section. */
  readonly offset: number;
  /** The local root type. */
  readonly typeId: number;
  /** Indexes into members and arrays, such as `0:1:2`; for enumerations the value's index. */
  readonly access: string;
  readonly kind: CoreRelocationKind;
}

/** Records by name of ELF section, in the order of the file. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly FunctionRecord[]>;
  readonly lines: ReadonlyMap<string, readonly LineRecord[]>;
  readonly relocations: ReadonlyMap<string, readonly CoreRelocationRecord[]>;
}

const HEADER_WITHOUT_RELOCATIONS = 24;
/** Bytes of the header since there is CO-RE. */
export const HEADER_WITH_RELOCATIONS = 32;
/** A line record's last word holds the line above, the column in these bits. */
export const COLUMN_BITS = 10;

/**
 * Decodes a `.BTF.ext` section.
 *
 * @param btf decoded from the `.BTF` section of the same object: names and lines are in its strings
 * @throws MalformedError when the bytes are not `.BTF.ext`.
 */
export const decodeBtfExt = (bytes: Uint8Array, btf: Btf, options: SectionOptions = {}): BtfExt => {
  const reader = openSection(bytes, options.order ?? btf.order, { path: ".BTF.ext", ...options });
  const start = readHeaderStart(reader, HEADER_WITHOUT_RELOCATIONS);
  const part = (at: number, name: string) => reader.slice(start + reader.u32(at), reader.u32(at + 4), name);
  const strings = btf.strings ?? new StringTable(new ByteReader(new Uint8Array(1), reader.order, ".BTF/strings"));
  const text = textReader(strings);
  const hasRelocations = start >= HEADER_WITH_RELOCATIONS;
  return {
    functions: readPart(part(8, "functions"), 8, text, (record) => functionRecord(record, btf)),
    lines: readPart(part(16, "lines"), 16, text, (record) => lineRecord(record, text)),
    relocations: hasRelocations
      ? readPart(part(24, "relocations"), 16, text, (record) => relocationRecord(record, btf, text))
      : new Map(),
  };
};

type ReadText = (reader: ByteReader, at: number) => string;

const textReader =
  (strings: StringTable): ReadText =>
  (reader, at) => {
    const offset = reader.u32(at);
    const text = strings.at(offset);
    if (text === undefined) throw reader.error("OUT_OF_RANGE", at, `no string begins at ${offset}`);
    return text;
  };

const readPart = <T>(
  reader: ByteReader,
  smallest: number,
  text: ReadText,
  read: (record: ByteReader) => T,
): Map<string, T[]> => {
  const bySection = new Map<string, T[]>();
  if (reader.length === 0) return bySection;
  const size = reader.u32(0);
  if (size < smallest || size % 4 !== 0) throw reader.error("BAD_VALUE", 0, `records of ${size} bytes`);
  for (let at = 4; at < reader.length; ) {
    const section = text(reader, at);
    const count = reader.u32(at + 4);
    if (count === 0) throw reader.error("BAD_VALUE", at + 4, "a section without records");
    const body = reader.slice(at + 8, count * size, section);
    const records = bySection.get(section) ?? [];
    bySection.set(section, records);
    for (let i = 0; i < count; i++) records.push(read(body.slice(i * size, size, `[${i}]`)));
    at += 8 + body.length;
  }
  return bySection;
};

const typeId = (record: ByteReader, at: number, btf: Btf): number => {
  const id = record.u32(at);
  if (id < btf.typeCount) return id;
  throw record.error("OUT_OF_RANGE", at, `there is no type ${id}, of ${btf.typeCount}`);
};

const functionRecord = (record: ByteReader, btf: Btf): FunctionRecord => {
  const id = typeId(record, 4, btf);
  if (btf.type(id).kind !== "func") throw badKind(record, id, btf);
  return { offset: record.u32(0), typeId: id };
};

const badKind = (record: ByteReader, id: number, btf: Btf): MalformedError =>
  record.error("BAD_VALUE", 4, `type ${id} is a ${btf.type(id).kind}, not a func`);

const lineRecord = (record: ByteReader, text: ReadText): LineRecord => ({
  offset: record.u32(0),
  file: text(record, 4),
  text: text(record, 8),
  line: record.u32(12) >>> COLUMN_BITS,
  column: record.u32(12) & (2 ** COLUMN_BITS - 1),
});

const relocationRecord = (record: ByteReader, btf: Btf, text: ReadText): CoreRelocationRecord => {
  const kind = CORE_RELOCATION_KINDS[record.u32(12)];
  if (kind === undefined) throw record.error("UNSUPPORTED", 12, `relocation kind ${record.u32(12)} is not known`);
  return { offset: record.u32(0), typeId: typeId(record, 4, btf), access: text(record, 8), kind };
};
