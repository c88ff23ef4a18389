import { fileURLToPath } from "node:url";
import { isEbpfError } from "@ebpf/core";
import { ConformanceError } from "./errors.js";

/** Where the corpora are unless `EBPF_CORPORA` says otherwise: beside the project. */
const corpora = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../shared/corpora", import.meta.url));

/** The runners by name; each returns the exit code. They are imported when they are asked for. */
const RUNNERS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  isa: async (args) => (await import("./isa.js")).runIsa(args, corpora),
  kernel: async (args) => (await import("./kernel.js")).runKernel(args, corpora),
  log: async (args) => (await import("./log.js")).runLog(args, corpora),
  objects: async (args) => (await import("./objects.js")).runObjects(args, corpora),
};

const USAGE = `usage: conformance ${Object.keys(RUNNERS).join("|")} [options]`;

/** Runs a command line. Exit codes: 0 all as expected, 1 something differs, 2 wrong usage or missing input. */
const main = async ([command = "", ...args]: readonly string[]): Promise<number> => {
  const runner = Object.hasOwn(RUNNERS, command) ? RUNNERS[command] : undefined;
  if (runner === undefined) throw new ConformanceError("USAGE", `no runner ${command || "named"}`, USAGE);
  return runner(args);
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!isEbpfError(error)) throw error;
  console.error(`${error.code}: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`);
  process.exitCode = 2;
}
