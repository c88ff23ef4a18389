import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./statistics.js";

/*
 * What a first use costs, each time in a fresh process: imports, the way from the import to a program's first result, and
 * the memory that is taken by then.
 */

const PACKAGES = ["core", "asm", "btf", "platform", "elf", "verifier", "runtime", "jit"] as const;
const TIERS = ["interpreter", "baseline", "optimized"] as const;
type Tier = (typeof TIERS)[number];

const FIRST_USE = fileURLToPath(new URL("first-use.js", import.meta.url));
/** Copies of the program that are loaded when the memory of one is measured. */
const COPIES = 64;

/** Milliseconds of several processes: the best and the middle one, and the least processor time of all threads. */
export interface Times {
  readonly best: number;
  readonly median: number;
  /** What a busy machine changes least. */
  readonly cpu: number;
}

export interface StartBench {
  /** Milliseconds of \`import\`, by package. */
  readonly importMs: Readonly<Record<string, Times>>;
  /** Milliseconds from before the import of `ebpf` to the first result of a program of 95 instructions. */
  readonly coldStartMs: Readonly<Record<Tier, Times>>;
  /** Resident memory in MiB. */
  readonly memoryMiB: {
    /** What the process has at its first result beyond an empty one. */
    readonly firstResult: number;
    /** What a further loaded program with its own memory and maps takes. */
    readonly furtherProgram: number;
  };
}

/** What a first use prints, in each of so many fresh processes. */
const numbersOf = (rounds: number, use: string, argument = ""): number[][] =>
  Array.from({ length: rounds }, () =>
    JSON.parse(execFileSync(process.execPath, [FIRST_USE, use, argument], { encoding: "utf8" })),
  );

/** Measures imports, cold starts and memory, each in `rounds` fresh processes. */
export const benchStart = (print: (line: string) => void, rounds = 11): StartBench => {
  const timed = (title: string, use: string, argument?: string): Times => {
    const samples = numbersOf(rounds, use, argument);
    const times = samples.map(([ms]) => ms!);
    const result = {
      best: Math.min(...times),
      median: median(times),
      cpu: Math.min(...samples.map(([, cpu]) => cpu!)),
    };
    const columns = Object.entries(result).map(([name, ms]) => `${ms.toFixed(1).padStart(9)} ms ${name}`);
    print(title.padEnd(40) + columns.join(""));
    return result;
  };
  const importMs = Object.fromEntries(
    [...PACKAGES.map((name) => `@ebpf/${name}`), "ebpf"].map((name) => [
      name,
      timed(`import "${name}"`, "import", name),
    ]),
  );
  const coldStartMs = Object.fromEntries(
    TIERS.map((tier) => [tier, timed(`import to first result, ${tier}`, tier)]),
  ) as Record<Tier, Times>;
  const [empty, one, many] = [0, 1, 1 + COPIES].map((copies) =>
    median(numbersOf(3, "resident", String(copies)).map(([mib]) => mib!)),
  );
  const memoryMiB = { firstResult: one! - empty!, furtherProgram: (many! - one!) / COPIES };
  print(`memory at the first result: ${memoryMiB.firstResult.toFixed(1)} MiB beyond an empty process`);
  print(`memory of a further program: ${memoryMiB.furtherProgram.toFixed(2)} MiB`);
  return { importMs, coldStartMs, memoryMiB };
};
