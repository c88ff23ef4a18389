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

const BENCH = fileURLToPath(new URL("..", import.meta.url));
/** A program of 95 instructions with two maps: parses Ethernet, IPv4 and UDP or TCP, looks up, counts, decides. */
const PROGRAM = fileURLToPath(new URL("../../examples/xdp_firewall.o", import.meta.url));
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

/** Runs a module in fresh processes; it prints a list of numbers. */
const numbersFrom = (script: string, rounds: number): number[][] =>
  Array.from({ length: rounds }, () =>
    JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: BENCH, encoding: "utf8" })),
  );

/** A module that does something and prints milliseconds and processor milliseconds. */
const timing = (work: string): string => `
import { readFileSync } from "node:fs";
const begin = performance.now();
const cpu = process.cpuUsage();
${work}
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify([performance.now() - begin, (user + system) / 1000]));
`;

const importing = (name: string): string => timing(`await import(${JSON.stringify(name)});`);

const optionsOf = (tier: Tier): string =>
  JSON.stringify(tier === "interpreter" ? { engine: "interpreter" } : { engine: "jit", tier });

const starting = (tier: Tier): string =>
  timing(`
const { load } = await import("ebpf");
const { programs } = load(readFileSync(${JSON.stringify(PROGRAM)}), ${optionsOf(tier)});
const { action } = programs.xdp_firewall.run({ packet: new Uint8Array(64) });
if (action !== "XDP_PASS") throw new Error(\`the program says \${action}\`);
`);

/** Prints how many MiB are resident after the object was loaded so often. */
const resident = (copies: number): string => `
import { readFileSync } from "node:fs";
const kept = [];
if (${copies} > 0) {
  const { load } = await import("ebpf");
  const bytes = readFileSync(${JSON.stringify(PROGRAM)});
  for (let i = 0; i < ${copies}; i++) {
    kept.push(load(bytes));
    kept[i].programs.xdp_firewall.run({ packet: new Uint8Array(64) });
  }
}
console.log(JSON.stringify([process.memoryUsage.rss() / 2 ** 20]));
`;

/** Measures imports, cold starts and memory, each in `rounds` fresh processes. */
export const benchStart = (print: (line: string) => void, rounds = 11): StartBench => {
  const timed = (title: string, script: string): Times => {
    const samples = numbersFrom(script, rounds);
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
      timed(`import "${name}"`, importing(name)),
    ]),
  );
  const coldStartMs = Object.fromEntries(
    TIERS.map((tier) => [tier, timed(`import to first result, ${tier}`, starting(tier))]),
  ) as Record<Tier, Times>;
  const [empty, one, many] = [0, 1, 1 + COPIES].map((copies) =>
    median(numbersFrom(resident(copies), 3).map(([mib]) => mib!)),
  );
  const memoryMiB = { firstResult: one! - empty!, furtherProgram: (many! - one!) / COPIES };
  print(`memory at the first result: ${memoryMiB.firstResult.toFixed(1)} MiB beyond an empty process`);
  print(`memory of a further program: ${memoryMiB.furtherProgram.toFixed(2)} MiB`);
  return { importMs, coldStartMs, memoryMiB };
};
