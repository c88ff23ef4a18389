import { existsSync } from "node:fs";
import type { Btf } from "@ebpf/btf";
import { programOf, readBtfs, readRecords } from "@ebpf/conformance/records";
import { Kernel, KernelError, LOG_LEVEL, probeKernel } from "@ebpf/kernel";
import { linuxRecorder, type ProgramSpec } from "@ebpf/platform";
import { verify } from "@ebpf/verifier";
import { CORPORA } from "./corpora.js";
import { BenchError } from "./errors.js";
import { geometricMean } from "./statistics.js";

/*
 * Our verifier beside the running kernel's, on the recorded programs: processed instructions a second, each program by
 * both in turn, the best of several rounds. Programs with subprograms are left out of the ratio, because the kernel's
 * time includes their compilation.
 */

/** By processed instructions; `upTo` is not part of the band. */
const BANDS = [
  { name: "<100", upTo: 100 },
  { name: "100-10000", upTo: 10_000 },
  { name: ">10000", upTo: Number.POSITIVE_INFINITY },
] as const;
type BandName = (typeof BANDS)[number]["name"];

/** Programs that this many milliseconds aren't enough for are measured in fewer rounds. */
const BUDGET = 500;
const MAX_ROUNDS = 9;
const MIN_ROUNDS = 2;
/** Passes over all small programs before anything is measured. */
const WARM_UP = 3;
const SMALL = 10_000;

/** One program, as measured; times in milliseconds. */
interface Measured {
  readonly processed: number;
  readonly hasSubprograms: boolean;
  readonly cold: number;
  readonly ours: number;
  /** Absent where the kernel can't be asked. */
  readonly kernel: number | undefined;
}

interface Band {
  readonly programs: number;
  /** Speed relative to the kernel's: 2 is twice as fast. */
  readonly "ours/kernel": number | null;
}

export interface VerifierResult {
  readonly geomean: { readonly "ours/kernel": number | null };
  readonly bands: Readonly<Record<BandName, Band>>;
  /** Over all programs, those with subprograms too; milliseconds. */
  readonly total: {
    readonly programs: number;
    readonly ours: number;
    readonly cold: number;
    readonly kernel: number | null;
  };
}

const timed = (work: () => void): number => {
  const started = performance.now();
  work();
  return performance.now() - started;
};

/**
 * The program without its types: what the compiler wrote needs a loader's mending before the kernel takes it, and few
 * programs without subprograms need types to be verified.
 */
const withoutTypes = ({ btf: _types, ...spec }: ProgramSpec): ProgramSpec => ({
  ...spec,
  functions: [],
  lines: [],
  maps: new Map([...spec.maps].map(([handle, { btf: _mapTypes, ...map }]) => [handle, map] as const)),
});

/** Milliseconds, or nothing where this kernel doesn't verify the program. */
const kernelTime = (kernel: Kernel, spec: ProgramSpec): number | undefined => {
  try {
    const { accepted, stats } = kernel.load(withoutTypes(spec), { logLevel: LOG_LEVEL.statistics });
    return accepted && stats?.verificationTime !== undefined ? stats.verificationTime / 1000 : undefined;
  } catch (error) {
    // Types or maps that this kernel doesn't take: the program is measured without it.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
};

const measure = (spec: ProgramSpec, processed: number, kernel: Kernel | undefined): Measured => {
  const ourTime = (): number => timed(() => verify(spec, { platform: linuxRecorder }));
  const cold = ourTime();
  const rounds = Math.max(MIN_ROUNDS, Math.min(MAX_ROUNDS, Math.floor(BUDGET / cold)));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(ourTime());
    const time = kernel && kernelTime(kernel, spec);
    if (time !== undefined) theirs.push(time);
  }
  const hasSubprograms = spec.instructions.some(
    ({ op }) => (op.family === "call" && op.target === "local") || (op.family === "lddw" && op.meaning === "function"),
  );
  const best = theirs.length === 0 ? undefined : Math.min(...theirs);
  return { processed, hasSubprograms, cold, ours: Math.min(...ours), kernel: best };
};

const ratioOf = (measured: readonly Measured[]): number | null => {
  const ratios = measured.flatMap(({ hasSubprograms, ours, kernel }) =>
    hasSubprograms || kernel === undefined ? [] : [kernel / ours],
  );
  return ratios.length === 0 ? null : geometricMean(ratios);
};

const bandOf = ({ processed }: Measured): BandName => BANDS.find(({ upTo }) => processed < upTo)!.name;

const summarize = (measured: readonly Measured[]): VerifierResult => {
  const sum = (time: (one: Measured) => number): number => measured.reduce((total, one) => total + time(one), 0);
  const bands = BANDS.map(({ name }) => {
    const inside = measured.filter((one) => bandOf(one) === name);
    return [name, { programs: inside.length, "ours/kernel": ratioOf(inside) }] as const;
  });
  return {
    geomean: { "ours/kernel": ratioOf(measured) },
    bands: Object.fromEntries(bands) as Record<BandName, Band>,
    total: {
      programs: measured.length,
      ours: sum(({ ours }) => ours),
      cold: sum(({ cold }) => cold),
      kernel: measured.some(({ kernel }) => kernel !== undefined) ? sum(({ kernel }) => kernel ?? 0) : null,
    },
  };
};

/** The recorded programs that both accept, with what the kernel counted. */
const programsIn = (directory: string): { spec: ProgramSpec; processed: number }[] => {
  const btfs: ReadonlyMap<string, Btf> = readBtfs(directory);
  return readRecords(directory)
    .filter(({ btf_need, kernel }) => btf_need === "none" && kernel.verdict === "accept")
    .map((record) => ({ spec: programOf(record, btfs), processed: record.kernel.processed_insns ?? 0 }))
    .filter(({ spec }) => verify(spec, { platform: linuxRecorder }).verdict === "accept");
};

const formatRatio = (ratio: number | null): string => (ratio === null ? "no kernel" : `${ratio.toFixed(2)}×`);

/**
 * Measures the verifier on recorded programs.
 *
 * @param directory the corpora's `kernel-selftests` by default
 * @throws BenchError without the recorded programs
 */
export const benchVerifier = async (
  directory = `${CORPORA}/kernel-selftests`,
  write: (line: string) => void = console.log,
): Promise<VerifierResult> => {
  if (!existsSync(directory)) throw new BenchError(`${directory} is not there: the recorded programs are measured`);
  const available = await probeKernel();
  if (!available.available) write(`without the kernel: ${available.message}`);
  const programs = programsIn(directory);
  for (let pass = 0; pass < WARM_UP; pass++) {
    for (const { spec, processed } of programs) if (processed < SMALL) verify(spec, { platform: linuxRecorder });
  }
  const kernel = available.available ? await Kernel.open() : undefined;
  const measured: Measured[] = [];
  try {
    for (const { spec, processed } of programs) measured.push(measure(spec, processed, kernel));
  } finally {
    kernel?.[Symbol.dispose]();
  }
  const result = summarize(measured);
  for (const [name, band] of Object.entries(result.bands)) {
    write(
      `${name.padEnd(10)} ${`${band.programs} programs`.padStart(14)}   ${formatRatio(band["ours/kernel"])} the kernel's speed`,
    );
  }
  const { ours, cold, kernel: theirs } = result.total;
  const kernelTotal = theirs === null ? "" : `, kernel ${theirs.toFixed(0)} ms`;
  write(
    `all ${result.total.programs} programs: ours ${ours.toFixed(0)} ms (first time ${cold.toFixed(0)} ms)${kernelTotal}`,
  );
  return result;
};
