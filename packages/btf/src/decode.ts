import { type ByteOrder, ByteReader, MalformedError } from "@ebpf/core";
import { Btf } from "./btf.js";
import { decodeType, type TypeRecord } from "./decode-type.js";
import { forEachReference } from "./references.js";
import { StringTable } from "./strings.js";
import type { BtfType } from "./types.js";
import { BTF_MAGIC, BTF_VERSION, HEADER_SIZE, KINDS, PAYLOAD, TYPE_SIZE } from "./wire.js";

/** How a section is read. */
export interface SectionOptions {
  /** Byte order that the data must have; found from the magic number by default. */
  readonly order?: ByteOrder;
  /** Where the data is from, for errors; the section's usual name by default. */
  readonly path?: string;
  /** Bytes from the start of the outermost input to the data, for errors. */
  readonly offset?: number;
}

/** How `decodeBtf` reads. */
export interface DecodeOptions extends SectionOptions {
  /** BTF that split BTF continues. */
  readonly base?: Btf;
}

/**
 * Decodes BTF: the content of a `.BTF` section or of `/sys/kernel/btf/vmlinux`.
 *
 * @throws MalformedError when the bytes are not BTF; `path` is such as `.BTF/types[17]/members[3]`.
 */
export const decodeBtf = (bytes: Uint8Array, options: DecodeOptions = {}): Btf => {
  const { base } = options;
  const reader = openSection(bytes, options.order, { path: ".BTF", ...options });
  const { types: typeSection, strings: stringSection } = readHeader(reader);
  const strings = new StringTable(stringSection, base?.strings);
  const firstId = base?.types.length ?? 1;
  const { types, offsets } = decodeTypes(typeSection, strings, firstId);
  checkReferences(typeSection, types, offsets, firstId);
  return new Btf(types, { order: reader.order, strings, ...(base === undefined ? {} : { base }) });
};

/** All ids are known only when all types are: a type may refer to a later one. */
const checkReferences = (
  section: ByteReader,
  types: readonly BtfType[],
  offsets: readonly number[],
  firstId: number,
): void => {
  const count = firstId + types.length;
  types.forEach((type, i) => {
    forEachReference(type, (id, list, index) => {
      if (id < count) return;
      const place = `${section.path}[${firstId + i}]${list === undefined ? "" : `/${list}[${index}]`}`;
      throw new MalformedError(
        "OUT_OF_RANGE",
        place,
        section.base + offsets[i]!,
        `there is no type ${id}, of ${count}`,
      );
    });
  });
};

/** Where a section is from, for errors. */
export interface Origin {
  readonly path: string;
  /** Bytes from the start of the outermost input. */
  readonly offset?: number;
}

/** A reader of a section in the byte order that its magic number shows, which must be the one asked for. */
export const openSection = (bytes: Uint8Array, wanted: ByteOrder | undefined, origin: Origin): ByteReader => {
  const order = (bytes[0] ?? 0) === BTF_MAGIC >> 8 ? "big" : "little";
  const reader = new ByteReader(bytes, order, origin.path, origin.offset);
  const magic = reader.u16(0);
  if (magic !== BTF_MAGIC) {
    throw reader.error("BAD_VALUE", 0, `magic number is 0x${magic.toString(16)}, not 0x${BTF_MAGIC.toString(16)}`);
  }
  if (wanted !== undefined && wanted !== order) {
    throw reader.error("BAD_VALUE", 0, `byte order is ${order}-endian where ${wanted}-endian is expected`);
  }
  return reader;
};

/** Checks what the headers of `.BTF` and `.BTF.ext` have in common, and returns the header's length in bytes. */
export const readHeaderStart = (reader: ByteReader, smallest: number): number => {
  const version = reader.u8(2);
  if (version !== BTF_VERSION) throw reader.error("UNSUPPORTED", 2, `version ${version} is not ${BTF_VERSION}`);
  if (reader.u8(3) !== 0) throw reader.error("UNSUPPORTED", 3, `flags 0x${reader.u8(3).toString(16)} are not known`);
  const length = reader.u32(4);
  if (length < smallest || length > reader.length) {
    throw reader.error("OUT_OF_RANGE", 4, `header of ${length} bytes; it has at least ${smallest}`);
  }
  return length;
};

const readHeader = (reader: ByteReader): { readonly types: ByteReader; readonly strings: ByteReader } => {
  const start = readHeaderStart(reader, HEADER_SIZE);
  const typeOffset = reader.u32(8);
  if (typeOffset % 4 !== 0) throw reader.error("BAD_VALUE", 8, `types at ${typeOffset} are not aligned to 4 bytes`);
  return {
    types: reader.slice(start + typeOffset, reader.u32(12), "types"),
    strings: reader.slice(start + reader.u32(16), reader.u32(20), "strings"),
  };
};

const decodeTypes = (
  reader: ByteReader,
  strings: StringTable,
  firstId: number,
): { readonly types: BtfType[]; readonly offsets: number[] } => {
  const types: BtfType[] = [];
  const offsets: number[] = [];
  for (let at = 0; at < reader.length; ) {
    const record = readRecord(reader, strings, at, firstId + types.length);
    offsets.push(at);
    types.push(decodeType(record));
    at = record.end;
  }
  return { types, offsets };
};

/** Reads what all types begin with, and makes sure that the whole type lies inside of the section. */
const readRecord = (reader: ByteReader, strings: StringTable, at: number, id: number): TypeRecord => {
  const fail = (code: MalformedError["code"], problem: string, place = "", offset = at): never => {
    throw new MalformedError(code, `${reader.path}[${id}]${place}`, reader.base + offset, problem);
  };
  if (reader.length - at < TYPE_SIZE) fail("TRUNCATED", `${reader.length - at} bytes are left for a type`);
  const info = reader.u32(at + 4);
  const kindNumber = (info >>> 24) & 0x1f;
  const kind = KINDS[kindNumber];
  if (kind === undefined || kind === "void") return fail("UNSUPPORTED", `kind ${kindNumber} is not known`);
  const count = info & 0xffff;
  const end = at + TYPE_SIZE + PAYLOAD[kind].once + count * PAYLOAD[kind].each;
  if (end > reader.length) fail("TRUNCATED", `${kind} of ${end - at} bytes; ${reader.length - at} are left`);
  const text = (offset: number, place?: string): string =>
    strings.at(offset) ?? fail("OUT_OF_RANGE", `no string begins at ${offset}`, place);
  return { reader, kind, count, flag: info >>> 31 === 1, word: reader.u32(at + 8), at, end, text, fail };
};
