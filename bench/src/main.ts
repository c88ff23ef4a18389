import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isEbpfError } from "@ebpf/core";
import { benchCalls, benchMaps } from "./calls.js";
import { benchCompile } from "./compile/compile.js";
import { CORPORA } from "./corpora.js";
import { benchElf } from "./elf/elf.js";
import { BenchError } from "./errors.js";
import { benchInterpreter } from "./interpreter.js";
import { benchJit, defaultPacket } from "./jit.js";
import { describeMachine, machineFacts } from "./machine.js";
import { bundleSizes } from "./size.js";
import { benchStart } from "./start.js";
import { benchVerifier } from "./verifier.js";

const OPTIONS = {
  dir: { type: "string" },
  packet: { type: "string" },
  json: { type: "boolean" },
} as const;

const USAGE = `pnpm bench jit [--dir DIR] [--packet FILE]   our engines, the kernel and clang side by side
pnpm bench verifier [--dir DIR]              our verifier beside the running kernel's
pnpm bench interpreter [--dir DIR]           our interpreter on many programs in one process
pnpm bench compile                           how fast both tiers compile, in processor time
pnpm bench calls                             what calls between JavaScript and programs cost
pnpm bench maps                              what map operations of programs cost
pnpm bench elf                               objects opened by ours and by libbpf (LIBBPF=LIBRARY)
pnpm bench size                              bytes of each package in a browser bundle
pnpm bench start                             imports, import to first result, memory, in fresh processes
  --json                                     the last line is the result as JSON`;

interface Options {
  readonly dir?: string;
  readonly packet?: string;
}

const OWN_KERNELS = fileURLToPath(new URL("../kernels", import.meta.url));

const jit = async ({ dir = OWN_KERNELS, packet }: Options): Promise<unknown> => {
  const bytes = packet === undefined ? defaultPacket() : new Uint8Array(readFileSync(packet));
  const result = await benchJit(dir, bytes, console.log);
  if (Object.keys(result.differing).length > 0) process.exitCode = 1;
  return result;
};

const interpreter = ({ dir }: Options): unknown =>
  benchInterpreter(dir === undefined ? [OWN_KERNELS, `${CORPORA}/objects`] : [dir], defaultPacket(), console.log);

const size = async (): Promise<unknown> => {
  const sizes = await bundleSizes();
  for (const { package: name, minified, gzip } of sizes) {
    console.log(`${name.padEnd(16)}${`${minified} bytes minified`.padStart(24)}${`${gzip} gzip`.padStart(16)}`);
  }
  return { sizes };
};

const verifier = ({ dir }: Options): Promise<unknown> => benchVerifier(dir);

/** Measures so often, each time all rows: what disturbs a busy machine lasts longer than a row takes. */
const ROUNDS = 3;

/** Prints a table of nanoseconds, the best of each row. */
const printed = (measure: () => Readonly<Record<string, number>>): unknown => {
  const rounds = Array.from({ length: ROUNDS }, measure);
  const rows = Object.fromEntries(
    Object.keys(rounds[0]!).map((name) => [name, Math.min(...rounds.map((all) => all[name]!))]),
  );
  for (const [name, ns] of Object.entries(rows)) console.log(`${name.padEnd(56)}${ns.toFixed(1).padStart(8)} ns`);
  return { nanoseconds: rows };
};

const BENCHES: Readonly<Record<string, (options: Options) => unknown>> = {
  elf: () => benchElf(console.log),
  compile: () => benchCompile(console.log),
  calls: () => printed(benchCalls),
  maps: () => printed(benchMaps),
  interpreter,
  jit,
  size,
  start: () => benchStart(console.log),
  verifier,
};

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const bench = BENCHES[positionals[0] ?? ""];
  if (bench === undefined || positionals.length !== 1) throw new BenchError(USAGE);
  const machine = machineFacts();
  console.log(describeMachine(machine));
  const result = await bench(values);
  if (values.json === true) console.log(JSON.stringify({ ...(result as object), machine }));
};

try {
  await main();
} catch (error) {
  const expected = isEbpfError(error) || (error as NodeJS.ErrnoException).code !== undefined;
  console.error(expected ? (error as Error).message : error);
  process.exitCode = 2;
}
