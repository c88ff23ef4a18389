import { decode, encode, formatInstruction, type Instruction, SLOT_SIZE } from "@ebpf/asm";
import { bytesToHex, hexToBytes } from "@ebpf/core";
import {
  type AttachType,
  type MapEntry,
  type MapSpec,
  type ProgramFlags,
  type ProgramSpec,
  type ProgramTypeName,
  programSpec,
} from "@ebpf/platform";
import type { RunInput } from "@ebpf/runtime";
import { FuzzError } from "./errors.js";
import { FUNCTION_BTF, functionInfos } from "./function-btf.js";

/** One case: a program, what its maps hold when it starts, and what it is run on. */
export interface FuzzCase {
  readonly spec: ProgramSpec;
  /** Entries by map handle, written before the run. */
  readonly contents: ReadonlyMap<number, readonly MapEntry[]>;
  readonly input: RunInput;
}

/** What a case needs beside its instructions; the rest of its `ProgramSpec` is the same for all. */
export interface CaseShape {
  readonly type: ProgramTypeName;
  readonly attachType?: AttachType | undefined;
  readonly license?: string;
  readonly flags?: ProgramFlags;
  readonly maps?: ReadonlyMap<number, MapSpec>;
  /** Where functions begin, for programs with callbacks: Linux wants type information of these. */
  readonly functionStarts?: readonly number[];
}

/** The program of a case. */
export const specOf = (
  instructions: readonly Instruction[],
  { type, attachType, license = "GPL", flags = {}, maps = new Map(), functionStarts }: CaseShape,
): ProgramSpec =>
  programSpec(type, instructions, {
    name: "fuzz",
    license,
    flags,
    maps,
    ...(attachType !== undefined && { attachType }),
    ...(functionStarts !== undefined && { functions: functionInfos(functionStarts), btf: FUNCTION_BTF }),
  });

/** A case as JSON: byte strings are hexadecimal, and every line of `code` is a slot followed by its text. */
export interface CaseJson {
  readonly type: ProgramTypeName;
  readonly attachType?: AttachType;
  readonly license: string;
  readonly flags: ProgramFlags;
  readonly code: readonly string[];
  readonly functionStarts?: readonly number[];
  readonly maps: readonly MapJson[];
  readonly input: { readonly packet: string } | { readonly context: string } | { readonly memory: string };
}

type EntryJson = readonly [key: string, value: string | { readonly reference: string }];

/** A map of a case as JSON, with what it holds. */
export interface MapJson extends Omit<MapSpec, "extra" | "btf" | "inner" | "initial"> {
  readonly handle: number;
  readonly extra?: string;
  readonly inner?: Omit<MapJson, "handle" | "contents">;
  readonly initial?: readonly EntryJson[];
  readonly contents?: readonly EntryJson[];
}

const SLOT_DIGITS = 2 * SLOT_SIZE;

const textOf = (instructions: readonly Instruction[], pc: number): string =>
  instructions[pc]!.op.family === "lddw-tail" ? "" : formatInstruction(instructions, pc, { dialect: "kernel-log" });

/** The program as text, a line for each slot: its bytes, and what they mean. */
export const codeLines = (instructions: readonly Instruction[]): string[] => {
  const digits = bytesToHex(encode(instructions));
  return instructions.map((_, pc) =>
    `${digits.slice(pc * SLOT_DIGITS, (pc + 1) * SLOT_DIGITS)} ${textOf(instructions, pc)}`.trimEnd(),
  );
};

const bytesOf = (digits: string): Uint8Array => {
  const bytes = hexToBytes(digits);
  if (bytes === undefined) throw new FuzzError("BAD_CASE", `${digits} are no hexadecimal bytes`);
  return bytes;
};

const entriesToJson = (entries: readonly MapEntry[]): EntryJson[] =>
  entries.map(({ key, value }) => [bytesToHex(key), value instanceof Uint8Array ? bytesToHex(value) : value]);

const entriesFromJson = (entries: readonly EntryJson[]): MapEntry[] =>
  entries.map(([key, value]) => ({
    key: bytesOf(key),
    value: typeof value === "string" ? bytesOf(value) : value,
  }));

const mapToJson = ({ extra, btf: _, inner, initial, ...spec }: MapSpec): Omit<MapJson, "handle"> => ({
  ...spec,
  ...(extra !== undefined && { extra: extra.toString() }),
  ...(inner && { inner: mapToJson(inner) }),
  ...(initial && { initial: entriesToJson(initial) }),
});

const mapFromJson = ({ extra, inner, initial, ...spec }: Omit<MapJson, "handle" | "contents">): MapSpec => ({
  ...spec,
  ...(extra !== undefined && { extra: BigInt(extra) }),
  ...(inner && { inner: mapFromJson(inner) }),
  ...(initial && { initial: entriesFromJson(initial) }),
});

const inputToJson = (input: RunInput): CaseJson["input"] => {
  if ("packet" in input) return { packet: bytesToHex(input.packet) };
  if ("context" in input) return { context: bytesToHex(input.context) };
  return { memory: bytesToHex(input.memory) };
};

const inputFromJson = (input: CaseJson["input"]): RunInput => {
  if ("packet" in input) return { packet: bytesOf(input.packet) };
  if ("context" in input) return { context: bytesOf(input.context) };
  return { memory: bytesOf(input.memory) };
};

/** The case as a plain value for a file. */
export const caseToJson = ({ spec, contents, input }: FuzzCase): CaseJson => ({
  type: spec.type,
  ...(spec.attachType !== undefined && { attachType: spec.attachType }),
  license: spec.license,
  flags: spec.flags,
  code: codeLines(spec.instructions),
  ...(spec.functions.length > 0 && { functionStarts: spec.functions.map(({ pc }) => pc) }),
  maps: [...spec.maps].map(([handle, map]) => {
    const entries = contents.get(handle);
    return { handle, ...mapToJson(map), ...(entries && { contents: entriesToJson(entries) }) };
  }),
  input: inputToJson(input),
});

/**
 * The case that `caseToJson` wrote.
 *
 * @throws FuzzError `BAD_CASE` for anything else
 */
export const caseFromJson = (json: CaseJson): FuzzCase => {
  try {
    const code = bytesOf(json.code.map((line) => line.slice(0, SLOT_DIGITS)).join(""));
    const maps = new Map<number, MapSpec>();
    const contents = new Map<number, readonly MapEntry[]>();
    for (const { handle, contents: entries, ...map } of json.maps) {
      maps.set(handle, mapFromJson(map));
      if (entries !== undefined) contents.set(handle, entriesFromJson(entries));
    }
    const spec = specOf(decode(code), { ...json, maps });
    return { spec, contents, input: inputFromJson(json.input) };
  } catch (cause) {
    throw new FuzzError("BAD_CASE", `this is no case of the fuzzer: ${String(cause)}`, { cause });
  }
};

/** The case in a few lines: what it is, its program, its input. */
export const describeCase = (fuzzCase: FuzzCase): string => {
  const { type, attachType, code, maps, input } = caseToJson(fuzzCase);
  const head = attachType === undefined ? type : `${type} (${attachType})`;
  const program = code.map((line, pc) => `${String(pc).padStart(4)}: ${line.slice(SLOT_DIGITS + 1)}`);
  const used = maps.map(({ handle, name }) => `map ${handle} is ${name}`);
  return [head, ...program.filter((line) => !line.endsWith(": ")), ...used, JSON.stringify(input)].join("\n");
};
