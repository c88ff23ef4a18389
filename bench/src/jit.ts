import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CONTEXT_BASE, STACK_TOP } from "@ebpf/runtime";
import { type Engine, load } from "ebpf";
import { BenchError } from "./errors.js";
import { geometricMean, median } from "./statistics.js";

const ENGINES: readonly Engine[] = ["interpreter", "jit"];
const WARM_UP_MS = 100;
const ROUNDS = 11;
/** A sample is as many runs as take at least this long. */
const SAMPLE_MS = 4;

/** Nanoseconds of one run, by engine. */
export type KernelTimes = Readonly<Record<Engine, number>>;

export interface JitBench {
  readonly kernels: Readonly<Record<string, KernelTimes>>;
  readonly geomean: { readonly "jit/interpreter": number };
}

/** A program with its input in place, to be run again and again. */
interface Contestant {
  readonly engine: Engine;
  readonly result: number;
  readonly time: (runs: number) => number;
}

/** 1,024 bytes that are the same in every run of the bench and never repeat with a short period. */
export const defaultPacket = (): Uint8Array =>
  Uint8Array.from({ length: 1024 }, (_, i) => (i * 131 + (i >> 3) * 17 + 7) & 255);

const contestant = (bytes: Uint8Array, packet: Uint8Array, engine: Engine, path: string): Contestant => {
  const { programs } = load(bytes, { engine, path });
  const [program, other] = Object.values(programs);
  if (program === undefined || other !== undefined) throw new BenchError(`${path}: a bench object holds one program`);
  const { returnValue } = program.run({ packet });
  const { executable } = program;
  return {
    engine,
    result: returnValue,
    time: (runs) => {
      const begin = performance.now();
      for (let i = 0; i < runs; i++) executable.enter(CONTEXT_BASE, 0, STACK_TOP);
      return performance.now() - begin;
    },
  };
};

/** How many runs make a sample, found while warming up. */
const calibrate = ({ time }: Contestant): number => {
  let runs = 1;
  let elapsed = time(runs);
  const begin = performance.now();
  while (performance.now() - begin < WARM_UP_MS || elapsed < SAMPLE_MS) {
    if (elapsed < SAMPLE_MS) runs *= 2;
    elapsed = time(runs);
  }
  return runs;
};

/** Runs the engines in turn on one kernel, so that a noisy moment hits all of them. */
const measure = (bytes: Uint8Array, packet: Uint8Array, path: string): KernelTimes => {
  const contestants = ENGINES.map((engine) => contestant(bytes, packet, engine, path));
  const [first, ...rest] = contestants;
  for (const { engine, result } of rest) {
    if (result !== first!.result)
      throw new BenchError(`${path}: ${engine} gives ${result}, ${first!.engine} ${first!.result}`);
  }
  const runs = contestants.map(calibrate);
  const samples = contestants.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { time }] of contestants.entries()) samples[i]!.push((1e6 * time(runs[i]!)) / runs[i]!);
  }
  return { interpreter: median(samples[0]!), jit: median(samples[1]!) };
};

/**
 * Times every kernel of a folder in each engine.
 *
 * @param folder holds `*.o` files with one XDP program each
 * @throws BenchError when engines disagree on a result
 */
export const benchJit = (
  folder: string,
  packet: Uint8Array,
  onKernel: (name: string, times: KernelTimes) => void,
): JitBench => {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".o"))
    .sort();
  if (names.length === 0) throw new BenchError(`${folder} holds no object files`);
  const kernels: Record<string, KernelTimes> = {};
  for (const name of names) {
    const path = join(folder, name);
    const kernel = name.replace(/\.o$/, "");
    const times = measure(new Uint8Array(readFileSync(path)), packet, path);
    kernels[kernel] = times;
    onKernel(kernel, times);
  }
  const ratios = Object.values(kernels).map(({ interpreter, jit }) => jit / interpreter);
  return { kernels, geomean: { "jit/interpreter": geometricMean(ratios) } };
};
