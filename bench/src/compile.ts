import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { assemble } from "@ebpf/asm";
import { compile, type Tier } from "@ebpf/jit";
import { type ProgramSpec, programSpec } from "@ebpf/platform";
import { Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { median } from "./statistics.js";

const TIERS: readonly Tier[] = ["baseline", "optimized"];
const SIZES = [1000, 15_000, 30_000];
/** The size that is compiled in fresh processes. */
const COLD_SIZE = 15_000;
const COLD_ROUNDS = 5;
const WARM_ROUNDS = 12;
const MEMORY_PAGES = 16;

/** Instructions of a unit, and bytes of the packet that units read in turn. */
const UNIT = 15;
const BYTES = 64;
const SPILLS = 8;

/** Loads, a comparison, two ways, and numbers on the stack, as large programs are made of. */
const unit = (index: number): string => `
  r2 = *(u8 *)(r6 + ${index % BYTES})
  r3 = *(u64 *)(r10 - ${8 + 8 * (index % SPILLS)})
  if w2 > ${(index * 37) % 256} goto other${index}
  r3 += r2
  r3 *= ${(2 * index + 1) % 1000}
  *(u64 *)(r10 - ${8 + 8 * (index % SPILLS)}) = r3
  r7 ^= r3
  goto behind${index}
other${index}:
  w4 = w3
  w4 >>= ${index % 32}
  r7 += r4
  r7 |= 1
behind${index}:
  r5 = r7
  r5 <<= ${index % 8}
  w7 = w5`;

/** The same program with another constant: V8 keeps what it made of bytes that it knows. */
const variant = (spec: ProgramSpec, round: number): ProgramSpec => ({
  ...spec,
  instructions: spec.instructions.map((slot) =>
    slot.op.name === "and64_imm" ? { ...slot, imm: 0xffff - round } : slot,
  ),
});

/** An XDP program of about so many instructions that the verifier accepts: forward branches over packet and stack. */
const programOf = (instructions: number): ProgramSpec => {
  const units = Array.from({ length: Math.floor(instructions / UNIT) }, (_, index) => unit(index));
  const spills = Array.from({ length: SPILLS }, (_, index) => `*(u64 *)(r10 - ${8 + 8 * index}) = ${index}`);
  const text = `
  r6 = *(u32 *)(r1 + 0)
  r2 = *(u32 *)(r1 + 4)
  r3 = r6
  r3 += ${BYTES}
  r0 = 0
  if r3 > r2 goto out
  r7 = 0
  ${spills.join("\n  ")}
  ${units.join("")}
  r0 = r7
  r0 &= 0xffff
out:
  exit`;
  return programSpec("xdp", assemble(text, { dialect: "kernel" }).sections[0]!.instructions);
};

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

/** Prints how long the first compilation of a process takes. */
const COLD = `
const { coldTime } = await import("./compile.js");
console.log(coldTime());
`;

/** Milliseconds of processor time of the first compilation of the process; its program is made before. */
export const coldTime = (): number => {
  const spec = programOf(COLD_SIZE);
  const runtime = new Runtime({ memoryPages: MEMORY_PAGES });
  const before = process.cpuUsage();
  compile(spec, runtime, { checked: false, tier: "baseline" });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

const coldTimes = (): number[] =>
  Array.from({ length: COLD_ROUNDS }, () =>
    Number(
      execFileSync(process.execPath, ["--input-type=module", "-e", COLD], {
        cwd: fileURLToPath(new URL(".", import.meta.url)),
        encoding: "utf8",
      }),
    ),
  );

/** Instructions a second by tier and size, and the milliseconds of a first compilation. */
export interface CompileBench {
  readonly throughput: Readonly<Record<string, number>>;
  readonly coldMs: number;
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
  const coldMs = median(coldTimes());
  print(`baseline, ${COLD_SIZE} instructions, first in its process: ${coldMs.toFixed(1)} ms`);
  return { throughput, coldMs };
};
