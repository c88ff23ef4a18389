import { type ByteOrder, ByteReader } from "@ebpf/core";
import { Btf } from "./btf.js";
import { checkTypes } from "./check-types.js";
import { StringTable } from "./strings.js";
import { TypeSection } from "./type-source.js";
import { BTF_MAGIC, BTF_VERSION, HEADER_SIZE } from "./wire.js";

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
  const firstId = base?.typeCount ?? 1;
  const offsets = checkTypes(typeSection, strings, firstId);
  const types = new TypeSection(typeSection, strings, offsets, firstId);
  return new Btf(types, { order: reader.order, strings, ...(base === undefined ? {} : { base }) });
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
