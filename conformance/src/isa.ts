import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isEbpfError } from "@ebpf/core";
import { type CompileOptions, compile, type FinishOptions, loadBinaryen } from "@ebpf/jit";
import { type ProgramSpec, programSpec } from "@ebpf/platform";
import { type Executable, interpret, type Runtime } from "@ebpf/runtime";
import { ConformanceError } from "./errors.js";
import { type IsaCase, parseIsaCase } from "./isa-case.js";
import { conformanceRuntime } from "./isa-platform.js";
import { parseOptions, writeDetails } from "./options.js";

/** How each engine loads a program. */
export const ENGINES = {
  interpreter: interpret,
  jit: compile,
} as const satisfies Record<string, (spec: ProgramSpec, runtime: Runtime, options: CompileOptions) => Executable>;

export type EngineName = keyof typeof ENGINES;

/** What a case gave in one engine: `problem` says what is wrong, and is absent when it passed. */
export interface IsaOutcome {
  readonly name: string;
  readonly engine: EngineName;
  readonly problem?: string;
}

/** Runs instructions unverified, with r1 and r2 = address and length of `memory`, and returns r0. */
export const runBare = (
  runtime: Runtime,
  engine: EngineName,
  { name, instructions, memory }: Pick<IsaCase, "name" | "instructions" | "memory">,
  finish: FinishOptions = {},
): bigint => {
  const spec = programSpec("unspec", instructions, { name });
  const program = ENGINES[engine](spec, runtime, { checked: true, ...finish });
  return runtime.run(program, { memory }).returnValue;
};

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const problemOf = (runtime: Runtime, engine: EngineName, test: IsaCase, finish: FinishOptions): string | undefined => {
  const result = runBare(runtime, engine, test, finish);
  return result === test.result ? undefined : `r0 is ${hex(result)}, expected ${hex(test.result)}`;
};

/** The `*.data` files below a folder, sorted. */
const caseFiles = (folder: string): string[] => {
  if (!existsSync(folder)) {
    throw new ConformanceError("NOT_FOUND", `there is no folder ${folder}`, "name the folder of the cases with --dir");
  }
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".data"))
    .sort();
};

/** Runs every case of a folder. A case that cannot be read or faults has failed, and the others still run. */
export const runIsaCases = (
  folder: string,
  engines: readonly EngineName[],
  finish: FinishOptions = {},
): IsaOutcome[] => {
  const runtime = conformanceRuntime();
  return caseFiles(folder).flatMap((file) =>
    engines.map((engine) => {
      try {
        const test = parseIsaCase(file, readFileSync(join(folder, file), "utf8"));
        const problem = problemOf(runtime, engine, test, finish);
        return { name: file, engine, ...(problem !== undefined && { problem }) };
      } catch (error) {
        if (!isEbpfError(error)) throw error;
        return { name: file, engine, problem: `${error.code}: ${error.message}` };
      }
    }),
  );
};

const OPTIONS = {
  dir: { type: "string" },
  engine: { type: "string", default: "both" },
  backend: { type: "string", default: "direct" },
  json: { type: "boolean", default: false },
  details: { type: "string" },
} as const;

const chosenEngines = (engine: string): EngineName[] => {
  const all = Object.keys(ENGINES) as EngineName[];
  if (engine === "both") return all;
  const chosen = all.filter((name) => name === engine);
  if (chosen.length === 0) {
    throw new ConformanceError("USAGE", `--engine ${engine}: no such engine`, `use ${all.join(", ")} or both`);
  }
  return chosen;
};

/** What the compiler is to do with its modules. */
const chosenBackend = async (backend: string): Promise<FinishOptions> => {
  if (backend === "direct") return {};
  if (backend === "binaryen") return { backend: await loadBinaryen() };
  throw new ConformanceError("USAGE", `--backend ${backend}: no such back end`, "use direct or binaryen");
};

/**
 * `conformance isa`: runs every case of a folder in the chosen engines and prints a summary. A case counts once, and
 * has passed when it passed in all of them.
 *
 * @param corpora the corpora's folder, whose cases are the default
 * @returns the exit code
 * @throws ConformanceError `USAGE`, `NOT_FOUND`
 */
export const runIsa = async (args: readonly string[], corpora: string): Promise<number> => {
  const options = parseOptions(args, OPTIONS);
  const finish = await chosenBackend(options.backend);
  const folder = options.dir ?? join(corpora, "conformance");
  const outcomes = runIsaCases(folder, chosenEngines(options.engine), finish);
  const names = [...new Set(outcomes.map(({ name }) => name))];
  const failures = outcomes.filter(({ problem }) => problem !== undefined);
  const failed = names.filter((name) => failures.some((failure) => failure.name === name));
  if (options.details !== undefined) writeDetails(options.details, outcomes);
  for (const { name, engine, problem } of failures) console.log(`${name} (${engine}): ${problem}`);
  const passed = names.length - failed.length;
  if (options.json) console.log(JSON.stringify({ total: names.length, passed, failed }));
  else console.log(`${passed} of ${names.length} cases passed`);
  return failed.length === 0 ? 0 : 1;
};
