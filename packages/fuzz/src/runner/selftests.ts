import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { decode } from "@ebpf/asm";
import { hexToBytes } from "@ebpf/core";
import { ATTACH_TYPES, decodeProgramFlags, linux, MAP_TYPES, type MapSpec, PROGRAM_TYPES } from "@ebpf/platform";
import { functionStarts } from "@ebpf/runtime";
import { plainInput } from "../arbitrary/input.js";
import { type CaseJson, caseToJson, specOf } from "../fuzz-case.js";

/*
 * Seeds from the corpora's `kernel-selftests`: programs that need nothing but instructions and plain maps.
 */

interface MapRecord {
  readonly fd: number;
  readonly error?: number;
  readonly name: string;
  readonly type: number;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly map_flags: number;
  readonly special?: readonly unknown[];
  readonly frozen?: boolean;
  readonly value_hex?: string;
  readonly inner_map?: MapRecord;
}

interface Record {
  readonly prog_type: number;
  readonly expected_attach_type: number;
  readonly prog_flags: number;
  readonly license: string;
  readonly insns: string;
  readonly insn_cnt: number;
  readonly maps?: readonly MapRecord[];
  readonly kfuncs?: readonly unknown[];
  readonly ksyms?: readonly unknown[];
  readonly btf_need: string;
  readonly kernel: { readonly processed_insns: number | null };
}

/** Larger programs, and those that take the kernel long, make slow seeds. */
const MAX_LENGTH = 250;
const MAX_WALK = 5000;
const MAX_FUNCTIONS = 32;

const UNUSUAL_MAPS: ReadonlySet<string> = new Set(["arena", "struct_ops", "insn_array", "unspec"]);

const isPlainMap = ({ special = [], error, type }: MapRecord): boolean =>
  special.length === 0 && error === undefined && !UNUSUAL_MAPS.has(MAP_TYPES[type] ?? "unspec");

const isPlain = ({ btf_need, insn_cnt, kernel, kfuncs = [], ksyms = [], maps = [], prog_type }: Record): boolean =>
  btf_need === "none" &&
  insn_cnt <= MAX_LENGTH &&
  (kernel.processed_insns ?? 0) <= MAX_WALK &&
  kfuncs.length + ksyms.length === 0 &&
  maps.every(isPlainMap) &&
  linux.programTypes[PROGRAM_TYPES[prog_type] ?? "unspec"] !== undefined;

const mapOf = (record: MapRecord): MapSpec => ({
  name: record.name,
  type: MAP_TYPES[record.type]!,
  keySize: record.key_size,
  valueSize: record.value_size,
  maxEntries: record.max_entries,
  flags: record.map_flags,
  ...(record.value_hex !== undefined && {
    initial: [{ key: new Uint8Array(4), value: hexToBytes(record.value_hex)! }],
  }),
  ...(record.frozen && { frozen: true }),
  ...(record.inner_map && { inner: mapOf(record.inner_map) }),
});

const caseOf = (record: Record): CaseJson => {
  const type = PROGRAM_TYPES[record.prog_type]!;
  const instructions = decode(hexToBytes(record.insns)!);
  const starts = functionStarts(instructions);
  const shape = {
    type,
    attachType: ATTACH_TYPES[record.expected_attach_type],
    license: record.license,
    flags: decodeProgramFlags(record.prog_flags),
    maps: new Map((record.maps ?? []).map((map) => [map.fd, mapOf(map)])),
    ...(starts.length > 1 && { functionStarts: starts }),
  };
  return caseToJson({ spec: specOf(instructions, shape), contents: new Map(), input: plainInput(type) });
};

/** The plain programs of a folder in the format of `kernel-selftests`; none when there is no such folder. */
export const readSelftests = (folder: string): readonly CaseJson[] => {
  const path = join(folder, "programs.jsonl.gz");
  if (!existsSync(path)) return [];
  const lines = gunzipSync(readFileSync(path)).toString("utf8").split("\n");
  const records = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record);
  return records
    .filter((record) => isPlain(record) && functionStarts(decode(hexToBytes(record.insns)!)).length <= MAX_FUNCTIONS)
    .map(caseOf);
};
