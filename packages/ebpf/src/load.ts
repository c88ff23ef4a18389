import { isEbpfError } from "@ebpf/core";
import { type ReadOptions, readObject } from "@ebpf/elf";
import {
  type CompiledProgram,
  compile,
  compileTiered,
  type FinishOptions,
  type LoweringWorker,
  type Tier,
  type TieredOptions,
} from "@ebpf/jit";
import {
  linux,
  type MapSpec,
  type ObjectProgram,
  type ObjectSpec,
  type Platform,
  type ProgramSpec,
  type ProgramTypeName,
  programTypeNumber,
} from "@ebpf/platform";
import {
  type ExecutionOptions,
  interpret,
  LINUX_HELPERS,
  Runtime,
  type RuntimeMap,
  type RuntimeOptions,
} from "@ebpf/runtime";
import { type Report, type Progress as VerifierProgress, verify } from "@ebpf/verifier";
import { Collection } from "./collection.js";
import { LoadError, VerificationError } from "./errors.js";
import { type Engine, LoadedProgram } from "./program.js";
import type { MapValue } from "./typed-bytes.js";
import { withVariables } from "./variables.js";

/** How an object is to be loaded. */
export interface LoadOptions extends ReadOptions, FinishOptions {
  /** Names of the programs to load; when left out, all but those that the object marks as optional. */
  readonly programs?: readonly string[];
  /** Types of programs by name, for those whose section name does not tell, or instead of what it tells. */
  readonly types?: Readonly<Record<string, ProgramTypeName>>;
  /** Initial values of global variables by name, also of constants: they are set before the programs are verified. */
  readonly variables?: Readonly<Record<string, MapValue>>;
  /** What runs the programs. Default: `jit`. */
  readonly engine?: Engine;
  /**
   * How much work compiling may be. `auto` makes programs ready soonest, compiles them again when nothing else is to be
   * done, and swaps the code between two runs; see `LoadedProgram.optimized`. Default: `optimized`.
   */
  readonly tier?: Tier | "auto";
  /** For `auto`: a worker that compiles for the second time, so that this thread doesn't; its script calls `serveLowering`. */
  readonly worker?: LoweringWorker;
  /** True runs programs that no verifier has seen, with every access checked and an instruction budget. */
  readonly unverified?: boolean;
  /** Instructions that one unverified run may take. */
  readonly budget?: number;
  /** Asked from time to time while programs are verified; `true` ends verification with the code `ABORTED`. */
  readonly shouldAbort?: (progress: VerifierProgress) => boolean;
  /** States that the verifier keeps at one time at most, which is what its memory goes to. Default: no limit. */
  readonly maxStates?: number;
  /** What programs may rely on. Default: Linux. */
  readonly platform?: Platform;
  /** Clock, random numbers, CPUs, further helpers and so on. Memory: 30 MiB, or 256 MiB for larger maps, by default. */
  readonly runtime?: Omit<RuntimeOptions, "platform">;
}

/**
 * Loads an object file: reads it, verifies its programs, makes its maps, and translates the programs for their engine.
 *
 * @param bytes an ELF object as clang makes it for the target `bpf`
 * @throws ElfError, MalformedError for an object that can't be read
 * @throws VerificationError `REJECTED` for a program that the verifier rejects
 * @throws LoadError for a program or variable that isn't there, and `BAD_BYTE_ORDER` for a big-endian object
 * @throws RuntimeError for maps that can't be made
 * @example
 * const { programs, maps } = load(await readFile("xdp_firewall.o"));
 * programs.xdp_firewall.run({ packet });
 */
export const load = (bytes: Uint8Array, options: LoadOptions = {}): Collection =>
  loadObject(readObject(bytes, options), options);

/** Loads an object that was read or made before; see `load`. */
export const loadObject = (object: ObjectSpec, options: LoadOptions = {}): Collection => {
  if (object.byteOrder === "big") {
    throw new LoadError(
      "BAD_BYTE_ORDER",
      "the object is big-endian, and WebAssembly's memory is little-endian",
      "it can be verified and disassembled; to run it, compile it with -target bpfel",
    );
  }
  const maps = withVariables(object.maps, options.variables ?? {});
  const specs = choosePrograms(object, options).map((spec) => ({ ...spec, maps: pick(maps, spec.maps) }));
  const checked = specs.map((spec) => ({ spec, ...verified(spec, options) }));

  const { runtime, runtimeMaps } = makeMaps(maps, options);
  const programs = checked.map(({ spec, report, time }) =>
    translate(runtime, runtimeMaps, spec, report, time, options),
  );
  return new Collection(runtime, { specs: maps, maps: runtimeMaps, programs, btf: object.btf });
};

/** Pages that most objects get. With 32 MiB of young buffers V8 collects garbage twice more, which would cost every start. */
const USUAL_PAGES = 480;
/** Pages for objects whose maps leave less than half of the usual ones. */
const MANY_PAGES = 4096;

interface Made {
  readonly runtime: Runtime;
  readonly runtimeMaps: ReadonlyMap<number, RuntimeMap>;
}

/** A runtime that has room for the maps, and the maps in it. */
const makeMaps = (maps: ReadonlyMap<number, MapSpec>, options: LoadOptions): Made => {
  const make = (memoryPages: number): Made => {
    const platform = options.platform ?? linux;
    const runtime = new Runtime({ helpers: LINUX_HELPERS, memoryPages, ...options.runtime, platform });
    return {
      runtime,
      runtimeMaps: new Map([...maps].map(([handle, map]) => [handle, runtime.createMap(map)] as const)),
    };
  };
  if (options.runtime?.memoryPages !== undefined) return make(options.runtime.memoryPages);
  try {
    const made = make(USUAL_PAGES);
    if (made.runtime.memory.used < made.runtime.memory.bytes.length / 2) return made;
  } catch (error) {
    if (!isEbpfError(error) || error.code !== "LIMIT") throw error;
  }
  return make(MANY_PAGES);
};

const pick = (maps: ReadonlyMap<number, MapSpec>, used: ReadonlyMap<number, MapSpec>): ReadonlyMap<number, MapSpec> =>
  new Map([...used].map(([handle, map]) => [handle, maps.get(handle) ?? map]));

/** The specs of the programs to load, with the types that were asked for. */
const choosePrograms = (object: ObjectSpec, options: LoadOptions): ProgramSpec[] => {
  const { programs: names, types = {} } = options;
  for (const name of [...(names ?? []), ...Object.keys(types)]) {
    if (!object.programs.some((program) => program.name === name)) throw noProgram(object, name);
  }
  const chosen = object.programs.filter(({ name, autoload }) => names?.includes(name) ?? autoload !== false);
  if (chosen.length === 0) throw new LoadError("NO_PROGRAM", "the object holds no program");
  return chosen.map((program) => {
    const spec = specOf(program);
    return typed(spec, types[program.name] ?? ownType(spec, options.platform));
  });
};

/** A section that no rule of Linux's is for may be called like a type of the platform's own. */
const ownType = ({ type, section }: ProgramSpec, platform: Platform | undefined): ProgramTypeName | undefined => {
  const name = section.split("/")[0]!;
  const isOwn = programTypeNumber(name) < 0 && platform?.programTypes[name] !== undefined;
  return type === "unspec" && isOwn ? name : undefined;
};

const noProgram = (object: ObjectSpec, name: string): LoadError => {
  const known = object.programs.map((program) => program.name).join(", ");
  return new LoadError(
    "NO_PROGRAM",
    `the object holds no program ${name}`,
    known === "" ? undefined : `it holds ${known}`,
  );
};

const specOf = (program: ObjectProgram): ProgramSpec => {
  if ("error" in program) throw program.error;
  return program.spec;
};

/** A program under another type; what its section said of attaching belongs to the old one. */
const typed = (spec: ProgramSpec, type: ProgramTypeName | undefined): ProgramSpec => {
  if (type === undefined || type === spec.type) return spec;
  const { attachType: _attachType, attachTarget: _attachTarget, attachBtfId: _attachBtfId, ...rest } = spec;
  return { ...rest, type };
};

const verified = (
  spec: ProgramSpec,
  options: LoadOptions,
): { readonly report: Report | undefined; readonly time: number } => {
  if (options.unverified === true) return { report: undefined, time: 0 };
  const begin = performance.now();
  const { platform = linux, shouldAbort, maxStates } = options;
  const report = verify(spec, {
    platform,
    ...(shouldAbort && { shouldAbort }),
    ...(maxStates !== undefined && { maxStates }),
  });
  if (report.rejection !== undefined) throw new VerificationError(spec.name, report, report.rejection);
  return { report, time: performance.now() - begin };
};

const translate = (
  runtime: Runtime,
  maps: ReadonlyMap<number, RuntimeMap>,
  spec: ProgramSpec,
  report: Report | undefined,
  verifyTime: number,
  options: LoadOptions,
): LoadedProgram => {
  const engine = options.engine ?? "jit";
  const execution: ExecutionOptions = {
    checked: report === undefined,
    maps,
    ...(options.budget === undefined ? {} : { budget: options.budget }),
  };
  const begin = performance.now();
  const { tier = "optimized", sourceMap = false, backend, worker } = options;
  const facts = report?.facts;
  const extras = { sourceMap, ...(backend && { backend }), ...(worker && { worker }), ...(facts && { facts }) };
  const executable =
    engine === "jit"
      ? compileAt(spec, runtime, { ...execution, ...extras, tier })
      : interpret(spec, runtime, execution);
  const times = { verify: verifyTime, compile: performance.now() - begin };
  return new LoadedProgram(runtime, executable, { engine, report, times });
};

/** Compiles a program at one tier, or at both. */
const compileAt = (
  spec: ProgramSpec,
  runtime: Runtime,
  { tier, ...options }: TieredOptions & { readonly tier: Tier | "auto" },
): CompiledProgram =>
  tier === "auto" ? compileTiered(spec, runtime, options) : compile(spec, runtime, { ...options, tier });
