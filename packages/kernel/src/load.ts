import { encode, type Instruction } from "@ebpf/asm";
import { attachTypeNumber, encodeProgramFlags, type ProgramSpec, programTypeNumber } from "@ebpf/platform";
import { Attributes } from "./attributes.js";
import type { OpenDescriptors } from "./descriptor.js";
import { ERRNO, errorName } from "./errno.js";
import { KernelError } from "./errors.js";
import { type LoadStatistics, statisticsOf, textOf } from "./log.js";
import type { KernelMap } from "./map.js";
import { Parts, type SharedParts } from "./parts.js";
import { KernelProgram } from "./program.js";
import {
  encodeFunctions,
  encodeLines,
  FUNCTION_RECORD_SIZE,
  LINE_RECORD_SIZE,
  loadableLines,
  textsOf,
} from "./program-info.js";
import type { System } from "./system.js";

/** Bits of a log level. Source: `BPF_LOG_*` of the kernel's verifier. */
export const LOG_LEVEL = {
  /** States where paths branch and end. */
  branches: 1,
  /** The state at every instruction. */
  instructions: 2,
  /** Messages and statistics only. */
  statistics: 4,
} as const;

export interface LoadOptions extends SharedParts {
  /** A sum of `LOG_LEVEL`s, or 0 for no log and no statistics; messages and statistics by default. */
  readonly logLevel?: number;
  /** Bytes that the log may have; 64 MiB by default. Of a longer one the end is kept. */
  readonly maxLogBytes?: number;
  /** Slots that the program may have; 100,000 by default, because the kernel can't be interrupted while it verifies. */
  readonly maxInstructions?: number;
  /** True to keep an accepted program open, as `program` of the result. */
  readonly keep?: boolean;
  /** The program that an `ext` program replaces a function of. */
  readonly attachProgram?: KernelProgram;
}

/** What the kernel said about a program. */
export interface LoadResult {
  readonly accepted: boolean;
  /** 0 when it was accepted. */
  readonly errno: number;
  /** The name of `errno`, such as `EACCES`; absent when it was accepted. */
  readonly errorName?: string;
  /**
   * Who refused it. `loader`: bpf(2) ended before the verifier looked at the program, because of a type or an attach
   * type that this kernel doesn't have, a missing permission, or malformed arguments; that is no verdict on the
   * program. Absent when it was accepted, and without a log.
   */
  readonly refusedBy?: "verifier" | "loader";
  readonly log: string;
  /** True when only the end of the log is there. */
  readonly logTruncated: boolean;
  readonly stats?: LoadStatistics;
  /** Only with `keep`, and the caller's to dispose of. */
  readonly program?: KernelProgram;
}

/** A descriptor that is never open: for handles that no map stands behind. */
const NO_DESCRIPTOR = -1;

/** Puts file descriptors where the program has map handles. */
const withDescriptors = (
  instructions: readonly Instruction[],
  maps: ReadonlyMap<number, KernelMap>,
): readonly Instruction[] =>
  instructions.map((slot) => {
    if (slot.op.family !== "lddw" || (slot.op.meaning !== "map" && slot.op.meaning !== "map_value")) return slot;
    return { ...slot, imm: maps.get(slot.imm)?.fd ?? NO_DESCRIPTOR };
  });

/** The text of the license with its terminating zero. */
const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** Types, functions and lines of a program: what it has of them, and all or nothing as the kernel wants it. */
const setProgramInfo = (attributes: Attributes<"programLoad">, spec: ProgramSpec, parts: Parts): void => {
  const functions = encodeFunctions(spec.functions);
  if (spec.btf === undefined || functions === undefined) return;
  const lines = loadableLines(spec);
  const texts = textsOf(lines);
  const { fd, offsets } = parts.btf(spec.btf, texts);
  attributes.point("functions", functions).set({
    programBtfFd: fd,
    functionRecordSize: FUNCTION_RECORD_SIZE,
    functionCount: spec.functions.length,
  });
  if (lines.length === 0 || [...texts].some((text) => !offsets.has(text))) return;
  attributes.point("lines", encodeLines(lines, offsets)).set({
    lineRecordSize: LINE_RECORD_SIZE,
    lineCount: lines.length,
  });
};

/** The arguments of a load, all but the log. */
const argumentsOf = (
  spec: ProgramSpec,
  parts: Parts,
  attachProgram: KernelProgram | undefined,
): Attributes<"programLoad"> => {
  const programType = programTypeNumber(spec.type);
  if (programType < 0) throw new KernelError("BAD_OPTION", `Linux has no programs of type ${spec.type}`);
  const attributes = new Attributes("programLoad").name("programName", spec.name).set({
    programType,
    instructionCount: spec.instructions.length,
    programFlags: encodeProgramFlags(spec.flags),
    expectedAttachType: spec.structOpsMember ?? (spec.attachType && attachTypeNumber(spec.attachType)),
    attachBtfId: spec.attachBtfId,
    attachProgramFd: attachProgram?.fd,
  });
  // The program's types come first: its maps share them, and only here they get the texts of the lines.
  setProgramInfo(attributes, spec, parts);
  const maps = parts.mapsByHandle(spec.maps);
  attributes.point("instructions", encode(withDescriptors(spec.instructions, maps)));
  return attributes.point("license", cString(spec.license));
};

/** Room for logs, kept from load to load. */
export class LogBuffer {
  #bytes = new Uint8Array(1 << 20);

  /** An empty buffer of at least this size. */
  take(size: number): Uint8Array {
    if (this.#bytes.length < size) this.#bytes = new Uint8Array(size);
    this.#bytes[0] = 0;
    return this.#bytes;
  }
}

interface Outcome {
  /** A file descriptor, or the negative error number. */
  readonly result: number;
  readonly log: string;
  readonly logTruncated: boolean;
}

/** Loads with a log, in a buffer that grows until the log fits. */
const loadWithLog = (
  system: System,
  attributes: Attributes<"programLoad">,
  buffer: LogBuffer,
  { logLevel, maxLogBytes }: { readonly logLevel: number; readonly maxLogBytes: number },
): Outcome => {
  const withoutLog = (): number =>
    system.bpf(attributes.set({ logLevel: 0, logSize: 0 }).point("logBuffer", undefined));
  if (logLevel === 0) return { result: withoutLog(), log: "", logTruncated: false };
  for (let size = 0; ; ) {
    const bytes = buffer.take(size).subarray(0, maxLogBytes);
    const result = system.bpf(attributes.set({ logLevel, logSize: bytes.length }).point("logBuffer", bytes));
    const needed = attributes.get("logTrueSize");
    if (result !== -ERRNO.ENOSPC || needed <= bytes.length) return { result, log: textOf(bytes), logTruncated: false };
    if (bytes.length < maxLogBytes) {
      size = Math.min(needed, maxLogBytes);
      continue;
    }
    // The error hides the verdict: the program is loaded once more for that.
    const log = textOf(bytes);
    return { result: withoutLog(), log, logTruncated: true };
  }
};

const checkOptions = (spec: ProgramSpec, maxInstructions: number, logLevel: number, maxLogBytes: number): void => {
  const { length } = spec.instructions;
  if (length > maxInstructions) {
    throw new KernelError("TOO_LONG", `${spec.name} has ${length} instructions; ${maxInstructions} are allowed`);
  }
  if (spec.byteOrder !== "little") {
    throw new KernelError("UNSUPPORTED", `${spec.name} is for big-endian machines, which this one isn't`);
  }
  const module = spec.attachModule ?? spec.modules?.[0];
  if (module !== undefined) {
    throw new KernelError("UNSUPPORTED", `${spec.name} needs types of the kernel module ${module}`);
  }
  if (!Number.isInteger(logLevel) || logLevel < 0 || logLevel > 15) {
    throw new KernelError("BAD_OPTION", `log level ${logLevel} is no sum of 1, 2, 4 and 8`);
  }
  if (!Number.isInteger(maxLogBytes) || maxLogBytes < MIN_LOG_BYTES || maxLogBytes > MAX_LOG_BYTES) {
    throw new KernelError("BAD_OPTION", `a log has ${MIN_LOG_BYTES} to ${MAX_LOG_BYTES} bytes, not ${maxLogBytes}`);
  }
};

/** What the kernel takes as a log's size. */
const MIN_LOG_BYTES = 128;
const MAX_LOG_BYTES = 2 ** 30 - 1;

/** What a load needs beside the program. */
export interface LoadContext {
  readonly system: System;
  readonly open: OpenDescriptors;
  readonly buffer: LogBuffer;
}

/**
 * Loads a program: makes its maps and types, has it verified, and closes it again unless it is to be kept.
 *
 * @throws KernelError `TOO_LONG`, `BAD_OPTION`, `UNSUPPORTED`; `MAP_CREATE`, `MAP_ACCESS`, `BTF_LOAD` with the kernel's errno.
 */
export const load = (context: LoadContext, spec: ProgramSpec, options: LoadOptions): LoadResult => {
  const { logLevel = LOG_LEVEL.statistics, maxLogBytes = 1 << 26, maxInstructions = 100_000, keep = false } = options;
  checkOptions(spec, maxInstructions, logLevel, maxLogBytes);
  const { system, open, buffer } = context;
  const parts = new Parts(system, open, options);
  let program: KernelProgram | undefined;
  try {
    const attributes = argumentsOf(spec, parts, options.attachProgram);
    const { result, log, logTruncated } = loadWithLog(system, attributes, buffer, { logLevel, maxLogBytes });
    const stats = statisticsOf(log);
    const common = { log, logTruncated, ...(stats && { stats }) };
    if (result < 0) {
      return {
        accepted: false,
        errno: -result,
        errorName: errorName(-result),
        ...(logLevel !== 0 && { refusedBy: log === "" ? "loader" : "verifier" }),
        ...common,
      };
    }
    const maps = parts.mapsByHandle(spec.maps);
    program = new KernelProgram(system, open, result, { spec, maps, owned: parts.made });
    return { accepted: true, errno: 0, ...common, ...(keep && { program }) };
  } finally {
    if (program === undefined) parts[Symbol.dispose]();
    else if (!keep) program[Symbol.dispose]();
  }
};
