import { type ByteOrder, ByteWriter } from "@ebpf/core";
import type { Btf } from "./btf.js";
import { encodeBtfWithStrings } from "./encode.js";
import { BtfError } from "./errors.js";
import { type BtfExt, COLUMN_BITS, CORE_RELOCATION_KINDS, HEADER_WITH_RELOCATIONS } from "./ext.js";
import { BTF_MAGIC, BTF_VERSION } from "./wire.js";

/**
 * Encodes types and what belongs to places in code as the sections `.BTF` and `.BTF.ext`, which share their strings.
 *
 * @throws BtfError `UNENCODABLE` as `encodeBtf`, and for lines beyond 2^22 or columns beyond 2^10.
 */
export const encodeBtfSections = (
  btf: Btf,
  ext: BtfExt,
  order: ByteOrder = btf.order,
): { readonly btf: Uint8Array; readonly ext: Uint8Array } => {
  const { bytes, offsets } = encodeBtfWithStrings(btf, textsOf(ext), order);
  return { btf: bytes, ext: encodeExt(ext, (text) => offsets.get(text)!, order) };
};

const textsOf = (ext: BtfExt): string[] => [
  ...[ext.functions, ext.lines, ext.relocations].flatMap((part) => [...part.keys()]),
  ...[...ext.lines.values()].flat().flatMap(({ file, text }) => [file, text]),
  ...[...ext.relocations.values()].flat().map(({ access }) => access),
];

type StringOffset = (text: string) => number;

const encodeExt = (ext: BtfExt, offsetOf: StringOffset, order: ByteOrder): Uint8Array => {
  const part = <T>(bySection: ReadonlyMap<string, readonly T[]>, words: (record: T) => readonly number[]) =>
    encodePart(bySection, words, offsetOf, order);
  const parts = [
    part(ext.functions, ({ offset, typeId }) => [offset, typeId]),
    part(ext.lines, ({ offset, file, text, line, column }) => [
      offset,
      offsetOf(file),
      offsetOf(text),
      lineWord(line, column),
    ]),
    part(ext.relocations, ({ offset, typeId, access, kind }) => [
      offset,
      typeId,
      offsetOf(access),
      CORE_RELOCATION_KINDS.indexOf(kind),
    ]),
  ];
  const writer = new ByteWriter(order).u16(BTF_MAGIC).u8(BTF_VERSION).u8(0).u32(HEADER_WITH_RELOCATIONS);
  let at = 0;
  for (const { length } of parts) {
    writer.u32(at).u32(length);
    at += length;
  }
  for (const bytes of parts) writer.raw(bytes);
  return writer.finish();
};

/** Without records a part is empty: libbpf refuses one that only says how long its records would be. */
const encodePart = <T>(
  bySection: ReadonlyMap<string, readonly T[]>,
  words: (record: T) => readonly number[],
  offsetOf: StringOffset,
  order: ByteOrder,
): Uint8Array => {
  const writer = new ByteWriter(order);
  for (const [section, records] of bySection) {
    if (records.length === 0) continue;
    const encoded = records.map(words);
    if (writer.length === 0) writer.u32(4 * encoded[0]!.length);
    writer.u32(offsetOf(section)).u32(records.length);
    for (const word of encoded.flat()) writer.u32(word);
  }
  return writer.finish();
};

const lineWord = (line: number, column: number): number => {
  if (line >= 2 ** (32 - COLUMN_BITS) || column >= 2 ** COLUMN_BITS) {
    throw new BtfError("UNENCODABLE", `line ${line}, column ${column} are beyond what a record holds`);
  }
  return ((line << COLUMN_BITS) | column) >>> 0;
};
