import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { decode } from "@ebpf/asm";
import { type Btf, decodeBtf } from "@ebpf/btf";
import { hexToBytes } from "@ebpf/core";
import { readMapDefinition } from "@ebpf/elf";
import {
  ATTACH_TYPES,
  decodeProgramFlags,
  MAP_FLAGS,
  MAP_TYPES,
  type MapSpec,
  PROGRAM_TYPES,
  type ProgramSpec,
} from "@ebpf/platform";
import { ConformanceError } from "./errors.js";
import { checkShape, parseLines, type Shape } from "./json-lines.js";
import { readTar } from "./tar.js";

/** A map of a recorded program. */
interface MapRecord {
  readonly fd: number;
  readonly error?: number;
  readonly name: string;
  readonly type: number;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly map_flags: number;
  readonly btf_key_type_id?: number;
  readonly btf_value_type_id?: number;
  /** True for a section of data, which the loader made the map for. */
  readonly internal?: boolean;
  readonly frozen?: boolean;
  readonly value_hex?: string;
  readonly inner_map?: MapRecord;
}

/** A program as `BPF_PROG_LOAD` got it, with what Linux said. The format of the corpora's `kernel-selftests`. */
export interface KernelRecord {
  readonly id: number;
  readonly object: string;
  readonly program: string;
  readonly section: string;
  readonly prog_type: number;
  readonly expected_attach_type: number;
  readonly attach_btf_id: number;
  readonly prog_flags: number;
  readonly license: string;
  readonly insns: string;
  readonly func_info?: readonly { insn_off: number; type_id: number; name: string; linkage: number }[];
  readonly btf?: string;
  readonly maps?: readonly MapRecord[];
  readonly btf_need?: string;
  readonly kernel: {
    readonly verdict: string;
    readonly msgs: readonly string[];
    readonly errno?: number;
    readonly processed_insns: number | null;
    /** Cut in the middle when it is long. */
    readonly log?: string;
    readonly log_level?: number;
    readonly log_truncated?: boolean;
  };
}

const LINKAGES = ["static", "global", "extern"] as const;

/** What a map of maps holds. Where the record is silent, the object's types may describe it. */
const innerOf = ({ type, name, inner_map }: MapRecord, btf: Btf | undefined): MapSpec | undefined => {
  if (inner_map !== undefined) return mapOf(inner_map, btf);
  const isOuter = MAP_TYPES[type] === "array_of_maps" || MAP_TYPES[type] === "hash_of_maps";
  return isOuter && btf ? readMapDefinition(btf, name)?.inner : undefined;
};

const mapOf = (record: MapRecord, btf: Btf | undefined): MapSpec => {
  const inner = innerOf(record, btf);
  const content = record.value_hex === undefined ? undefined : hexToBytes(record.value_hex);
  return {
    name: record.name,
    type: MAP_TYPES[record.type] ?? "unspec",
    keySize: record.key_size,
    valueSize: record.value_size,
    maxEntries: record.max_entries,
    flags: record.map_flags,
    ...(btf &&
      record.btf_value_type_id !== undefined && {
        btf: { btf, keyTypeId: record.btf_key_type_id ?? 0, valueTypeId: record.btf_value_type_id },
      }),
    ...(inner && { inner }),
    ...(content && { initial: [{ key: new Uint8Array(4), value: content }] }),
    ...(record.frozen && { frozen: true }),
  };
};

/** Names of the maps of constants whose content isn't in the record. A loader froze them, which nobody can do without it. */
export const mapsWithoutContent = ({ maps = [] }: KernelRecord): string[] =>
  maps
    .filter(({ internal, map_flags, frozen }) => internal && (map_flags & MAP_FLAGS.readOnlyProgram) !== 0 && !frozen)
    .map(({ name }) => name);

/** The program of a record. A map that could not be made is left out, as it was for the kernel. */
export const programOf = (record: KernelRecord, btfs: ReadonlyMap<string, Btf>): ProgramSpec => {
  const btf = record.btf === undefined ? undefined : btfs.get(record.btf);
  const attachType = ATTACH_TYPES[record.expected_attach_type];
  const maps = (record.maps ?? []).filter(({ error }) => error === undefined);
  return {
    name: record.program,
    section: record.section,
    type: PROGRAM_TYPES[record.prog_type] ?? "unspec",
    ...(attachType && { attachType }),
    attachBtfId: record.attach_btf_id,
    license: record.license,
    flags: decodeProgramFlags(record.prog_flags),
    byteOrder: "little",
    instructions: decode(hexToBytes(record.insns) ?? new Uint8Array()),
    functions: (record.func_info ?? []).map(({ insn_off, type_id, name, linkage }) => ({
      pc: insn_off,
      typeId: type_id,
      name,
      linkage: LINKAGES[linkage] ?? "static",
    })),
    lines: [],
    maps: new Map(maps.map((map) => [map.fd, mapOf(map, btf)])),
    ...(btf && { btf }),
  };
};

const readGzip = (path: string): Buffer => {
  if (!existsSync(path)) throw new ConformanceError("NOT_FOUND", `${path} is not there`);
  try {
    return gunzipSync(readFileSync(path));
  } catch (error) {
    throw new ConformanceError("BAD_CASE", `${path} can't be unpacked: ${(error as Error).message}`);
  }
};

/** What a record must have to be a program and a verdict. */
const RECORD: Shape = {
  id: "number",
  object: "string",
  program: "string",
  section: "string",
  prog_type: "number",
  expected_attach_type: "number",
  attach_btf_id: "number",
  prog_flags: "number",
  license: "string",
  insns: "string",
  kernel: { verdict: "string", msgs: "array" },
};

const MAP: Shape = {
  fd: "number",
  name: "string",
  type: "number",
  key_size: "number",
  value_size: "number",
  max_entries: "number",
  map_flags: "number",
};

const checkRecord = (value: unknown, where: string): KernelRecord => {
  checkShape(value, RECORD, where);
  const record = value as unknown as KernelRecord;
  if (record.insns.length % 16 !== 0 || hexToBytes(record.insns) === undefined) {
    throw new ConformanceError("BAD_CASE", `${where}: insns is no hexadecimal of whole instructions`);
  }
  for (const map of record.maps ?? []) {
    if (map.error === undefined) checkShape(map, MAP, `${where}: map`);
  }
  return record;
};

/**
 * Reads the recorded programs of a folder.
 *
 * @throws ConformanceError `NOT_FOUND`; `BAD_CASE` for a line that isn't a record
 */
export const readRecords = (directory: string): KernelRecord[] => {
  const path = join(directory, "programs.jsonl.gz");
  return parseLines(readGzip(path).toString("utf8"), path, checkRecord);
};

/** The BTF files of the recorded objects, by name. A folder may be without. @throws ConformanceError `NOT_FOUND` */
export const readBtfFiles = (directory: string): Map<string, Uint8Array> => {
  const path = join(directory, "btf.tar.gz");
  if (!existsSync(path)) return new Map();
  return new Map(
    [...readTar(readGzip(path))].map(([name, bytes]) => [name.replace(/^.*\//, ""), bytes.slice()] as const),
  );
};

/** Decodes the BTF of the recorded objects, by file name. */
export const readBtfs = (directory: string): Map<string, Btf> =>
  new Map([...readBtfFiles(directory)].map(([name, bytes]) => [name, decodeBtf(bytes, { path: name })] as const));
