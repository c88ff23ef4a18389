import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { encode } from "@ebpf/asm";
import { compile, type Tier } from "@ebpf/jit";
import type { ProgramSpec } from "@ebpf/platform";
import { Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { median } from "../statistics.js";
import { programOf } from "./program.js";

const TIERS: readonly Tier[] = ["baseline", "optimized"];
const SIZES = [1000, 15_000, 30_000];
/** Compiles once in a fresh process; its place is seen from the bundle, `dist/main.js`. */
const COLD = fileURLToPath(new URL("compile/cold.js", import.meta.url));
/** The size that is compiled in fresh processes. */
const COLD_SIZE = 15_000;
const COLD_ROUNDS = 11;
const WARM_ROUNDS = 40;
const MEMORY_PAGES = 16;

/** The same program with another constant: V8 keeps what it made of bytes that it knows. */
const variant = (spec: ProgramSpec, round: number): ProgramSpec => ({
  ...spec,
  instructions: spec.instructions.map((slot) =>
    slot.op.name === "and64_imm" ? { ...slot, imm: 0xffff - round } : slot,
  ),
});

/** Milliseconds of processor time that compiling takes, the least of some rounds. Others may use the machine too. */
const warmTime = (spec: ProgramSpec, tier: Tier): number => {
  const { facts } = verify(spec);
  const runtime = new Runtime({ memoryPages: MEMORY_PAGES });
  const times = Array.from({ length: WARM_ROUNDS }, (_, round) => {
    const fresh = variant(spec, round);
    const before = process.cpuUsage();
    compile(fresh, runtime, { checked: false, tier, facts });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
};

const coldTimes = (): (readonly [ms: number, cpu: number])[] => {
  const input = encode(programOf(COLD_SIZE).instructions);
  return Array.from({ length: COLD_ROUNDS }, () =>
    JSON.parse(execFileSync(process.execPath, [COLD], { input, encoding: "utf8" })),
  );
};

/** Instructions a second by tier and size, and the milliseconds of a first compilation. */
export interface CompileBench {
  readonly throughput: Readonly<Record<string, number>>;
  readonly coldMs: number;
  readonly coldBestMs: number;
  /** Its milliseconds of processor time, in all threads. */
  readonly coldCpuMs: number;
}

/** Compiles programs of growing size in both tiers; a pass that takes more than linear time shows in the last rows. */
export const benchCompile = (print: (line: string) => void): CompileBench => {
  const throughput: Record<string, number> = {};
  for (const size of SIZES) {
    const spec = programOf(size);
    for (const tier of TIERS) {
      const ms = warmTime(spec, tier);
      const rate = spec.instructions.length / (ms / 1000);
      throughput[`${tier} ${size}`] = rate;
      const name = `${tier}, ${size} instructions`;
      print(
        `${name.padEnd(32)}${ms.toFixed(1).padStart(10)} ms${(rate / 1e6).toFixed(2).padStart(10)} M instructions/s`,
      );
    }
  }
  const cold = coldTimes();
  const [coldMs, coldCpuMs] = [median(cold.map(([ms]) => ms)), median(cold.map(([, cpu]) => cpu))];
  const coldBestMs = Math.min(...cold.map(([ms]) => ms));
  const columns = `${coldBestMs.toFixed(1)} ms best, ${coldMs.toFixed(1)} ms median, ${coldCpuMs.toFixed(1)} ms of processor time`;
  print(`baseline, ${COLD_SIZE} instructions, first in its process: ${columns}`);
  return { throughput, coldMs, coldBestMs, coldCpuMs };
};
