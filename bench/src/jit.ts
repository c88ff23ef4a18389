import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isEbpfError } from "@ebpf/core";
import { readObject } from "@ebpf/elf";
import { Kernel, KernelError, type KernelProgram, probeKernel } from "@ebpf/kernel";
import type { ObjectProgram, ProgramSpec } from "@ebpf/platform";
import { CONTEXT_BASE, STACK_TOP } from "@ebpf/runtime";
import { load } from "ebpf";
import { type Contestant, ENGINES, type EngineName, timedLoop } from "./contestant.js";
import { BenchError } from "./errors.js";
import { clangWasmContestant, nativeContestant } from "./native.js";
import { geometricMean } from "./statistics.js";

const WARM_UP_MS = 100;
const ROUNDS = 40;
/** How often a program is run to see whether its result changes. */
const REPEATS = 8;
/** A sample is as many runs as take at least this long. */
const SAMPLE_MS = 2;
/** The kernel that measures a call and nothing else; it stands outside of the means. */
const EMPTY = "empty";

/** Nanoseconds of one run, by engine; an engine that can't run the kernel here is missing. */
export type KernelTimes = Readonly<Partial<Record<EngineName, number>>>;

const RATIOS = [
  "optimized/kernel",
  "optimized/interpreter",
  "optimized/native",
  "optimized/clangWasm",
  "baseline/optimized",
] as const;

export interface JitBench {
  readonly kernels: Readonly<Record<string, KernelTimes>>;
  /** Programs that aren't measured, and why. */
  readonly skipped: Readonly<Record<string, string>>;
  /** Programs on whose result the engines differ, and how. They aren't measured either. */
  readonly differing: Readonly<Record<string, string>>;
  /** Geometric means over the kernels that both engines ran. */
  readonly geomean: Readonly<Record<(typeof RATIOS)[number], number | null>>;
  /** The kernel on which compiled code is slowest beside the kernel's. */
  readonly worst?: { readonly kernel: string; readonly "optimized/kernel": number };
}

/** 1,024 bytes that are the same in every run of the bench and never repeat with a short period. */
export const defaultPacket = (): Uint8Array =>
  Uint8Array.from({ length: 1024 }, (_, i) => (i * 131 + (i >> 3) * 17 + 7) & 255);

/** A kernel of the bench: a program, the object that it is in, and its C source when that is there. */
interface BenchKernel {
  readonly bytes: Uint8Array;
  readonly spec: ProgramSpec;
  readonly source: string | undefined;
}

/** The programs of an object; where it can't be read, one that says why. */
const programsIn = (bytes: Uint8Array, path: string): readonly ObjectProgram[] => {
  try {
    return readObject(bytes, { path }).programs;
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    return [{ name: path, section: "", error }];
  }
};

/** The programs of an object by the names of their rows, each to be had when it is asked for. */
const kernelsIn = (folder: string, file: string): (readonly [name: string, read: () => BenchKernel])[] => {
  const path = join(folder, file);
  const bytes = new Uint8Array(readFileSync(path));
  const base = file.replace(/\.o$/, "");
  const source = join(folder, `${base}.c`);
  return programsIn(bytes, path).map((program, _, { length }) => [
    length === 1 ? base : `${base}:${program.name}`,
    () => {
      if ("error" in program) throw program.error;
      // Sections of old objects don't tell the type.
      const spec: ProgramSpec = program.spec.type === "unspec" ? { ...program.spec, type: "xdp" } : program.spec;
      if (spec.type !== "xdp") throw new BenchError(`a program of type ${spec.type}, not XDP`);
      return { bytes, spec, source: existsSync(source) ? source : undefined };
    },
  ]);
};

const ownContestant = (
  { bytes, spec: { name, type } }: BenchKernel,
  packet: Uint8Array,
  engine: "interpreter" | "baseline" | "optimized",
): Contestant => {
  const options = engine === "interpreter" ? { engine } : ({ engine: "jit", tier: engine } as const);
  const [program] = Object.values(load(bytes, { ...options, programs: [name], types: { [name]: type } }).programs);
  const { returnValue } = program!.run({ packet });
  const { executable } = program!;
  return { engine, result: returnValue, time: timedLoop(`target.enter(${CONTEXT_BASE}, 0, ${STACK_TOP})`, executable) };
};

/** Engines differ on what a program returns. */
class Difference extends BenchError {}

const loaded = (kernel: Kernel, spec: ProgramSpec): KernelProgram | undefined => {
  try {
    return kernel.load(spec, { keep: true }).program;
  } catch (error) {
    // Maps that this kernel doesn't make.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
};

/** The program in the running kernel, which times it itself; `undefined` where it can't be loaded. */
const kernelContestant = (
  kernel: Kernel | undefined,
  spec: ProgramSpec,
  packet: Uint8Array,
): Contestant | undefined => {
  const program = kernel && loaded(kernel, spec);
  if (program === undefined) return undefined;
  const { returnValue } = program.testRun({ data: packet });
  return {
    engine: "kernel",
    result: returnValue,
    time: (runs) => program.testRun({ data: packet, repeat: runs }).duration * runs,
  };
};

const contestantsFor = async (
  kernel: BenchKernel,
  packet: Uint8Array,
  linux: Kernel | undefined,
): Promise<Contestant[]> => {
  const { source, spec } = kernel;
  const own = (["interpreter", "baseline", "optimized"] as const).map((name) => ownContestant(kernel, packet, name));
  const compiled = source === undefined ? undefined : { source, program: spec.name };
  const others = [
    kernelContestant(linux, spec, packet),
    compiled && (await nativeContestant(compiled, packet)),
    compiled && clangWasmContestant(compiled, packet),
  ];
  return [...own, ...others.filter((contestant) => contestant !== undefined)];
};

/** How many runs make a sample, found while warming up. */
const calibrate = ({ time }: Contestant): number => {
  let runs = 1;
  let elapsed = time(runs);
  const begin = performance.now();
  while (performance.now() - begin < WARM_UP_MS || elapsed < 1e6 * SAMPLE_MS) {
    if (elapsed < 1e6 * SAMPLE_MS) runs *= 2;
    elapsed = time(runs);
  }
  return runs;
};

/** Whether one engine, started anew, gives different results: of random numbers, or of the time. */
const isErratic = (kernel: BenchKernel, packet: Uint8Array): boolean => {
  const results = Array.from({ length: REPEATS }, () => ownContestant(kernel, packet, "interpreter").result);
  return new Set(results).size > 1;
};

/** Runs the engines in turn on one kernel, so that a noisy moment hits all of them, and keeps each one's best time. */
const measure = async (kernel: BenchKernel, packet: Uint8Array, linux: Kernel | undefined): Promise<KernelTimes> => {
  const contestants = await contestantsFor(kernel, packet, linux);
  const [first, ...rest] = contestants;
  for (const { engine, result } of rest) {
    if (result === first!.result) continue;
    if (isErratic(kernel, packet)) throw new BenchError("its result changes from run to run");
    throw new Difference(`${engine} gives ${result}, ${first!.engine} ${first!.result}`);
  }
  const runs = contestants.map(calibrate);
  const best = contestants.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { time }] of contestants.entries()) best[i] = Math.min(best[i]!, time(runs[i]!) / runs[i]!);
  }
  return Object.fromEntries(contestants.map(({ engine }, i) => [engine, best[i]!]));
};

/** The quotients of two engines' times over the kernels that both ran. */
const quotients = (kernels: JitBench["kernels"], ratio: string): (readonly [kernel: string, quotient: number])[] => {
  const [above, below] = ratio.split("/") as [EngineName, EngineName];
  return Object.entries(kernels).flatMap(([name, times]) => {
    const [a, b] = [times[above], times[below]];
    return name === EMPTY || a === undefined || b === undefined ? [] : [[name, a / b] as const];
  });
};

type Rows = Pick<JitBench, "kernels" | "skipped" | "differing">;

const summarize = (rows: Rows): JitBench => {
  const { kernels } = rows;
  const meanOf = (ratio: string): number | null => {
    const values = quotients(kernels, ratio).map(([, quotient]) => quotient);
    return values.length === 0 ? null : geometricMean(values);
  };
  const geomean = Object.fromEntries(RATIOS.map((ratio) => [ratio, meanOf(ratio)])) as JitBench["geomean"];
  const [worst] = quotients(kernels, "optimized/kernel").sort(([, a], [, b]) => b - a);
  return { ...rows, geomean, ...(worst && { worst: { kernel: worst[0], "optimized/kernel": worst[1] } }) };
};

const row = (name: string, cells: readonly string[]): string =>
  `${name.padEnd(16)}${cells.map((cell) => cell.padStart(13)).join("")}`;

/**
 * Times every XDP program of a folder in each engine that can run it here, and prints a line for each.
 *
 * @param folder holds `*.o` files
 * @throws BenchError when it holds none
 */
export const benchJit = async (
  folder: string,
  packet: Uint8Array,
  print: (line: string) => void,
): Promise<JitBench> => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".o"));
  if (files.length === 0) throw new BenchError(`${folder} holds no object files`);
  const availability = await probeKernel();
  if (!availability.available) print(`no kernel: ${availability.message}`);
  using linux = availability.available ? await Kernel.open() : undefined;
  print(row("ns a run", ENGINES));
  const kernels: Record<string, KernelTimes> = {};
  const skipped: Record<string, string> = {};
  const differing: Record<string, string> = {};
  for (const [name, read] of files.sort().flatMap((file) => kernelsIn(folder, file))) {
    try {
      const times = await measure(read(), packet, linux);
      kernels[name] = times;
      print(
        row(
          name,
          ENGINES.map((engine) => times[engine]?.toFixed(times[engine] < 100 ? 1 : 0) ?? "–"),
        ),
      );
    } catch (error) {
      if (!isEbpfError(error)) throw error;
      (error instanceof Difference ? differing : skipped)[name] = error.message;
      print(`${name.padEnd(16)}   ${error instanceof Difference ? "ENGINES DIFFER" : "skipped"}: ${error.message}`);
    }
  }
  const result = summarize({ kernels, skipped, differing });
  for (const ratio of RATIOS) print(`geometric mean, ${ratio}: ${result.geomean[ratio]?.toFixed(3) ?? "not measured"}`);
  if (result.worst)
    print(`worst kernel: ${result.worst.kernel}, ${result.worst["optimized/kernel"].toFixed(2)} × kernel`);
  return result;
};
