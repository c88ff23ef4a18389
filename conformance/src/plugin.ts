import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { decode } from "@ebpf/asm";
import { hexToBytes, isEbpfError } from "@ebpf/core";
import { ConformanceError } from "./errors.js";
import { type EngineName, runBare } from "./isa.js";
import { conformanceRuntime } from "./isa-platform.js";

const USAGE = "usage: ebpf-plugin [MEMORY] [--engine interpreter|jit] < PROGRAM, both in hexadecimal";

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { engine: { type: "string", default: "jit" } },
    });
  } catch (error) {
    throw new ConformanceError("USAGE", (error as Error).message, USAGE);
  }
};

const parseHex = (text: string, what: string): Uint8Array => {
  const bytes = hexToBytes(text);
  if (bytes === undefined) throw new ConformanceError("USAGE", `the ${what} is no hexadecimal`, USAGE);
  return bytes;
};

/**
 * Runs a program for the upstream conformance runner.
 *
 * @param args the memory in hexadecimal, and options
 * @param program its bytes in hexadecimal
 * @returns r0 in hexadecimal
 * @throws ConformanceError `USAGE`; AsmError `BAD_LENGTH`; RuntimeFault
 */
const runPlugin = (args: readonly string[], program: string): string => {
  const { values, positionals } = parse(args);
  const { engine } = values;
  if (engine !== "interpreter" && engine !== "jit") {
    throw new ConformanceError("USAGE", `--engine ${engine}: no such engine`, USAGE);
  }
  const memory = parseHex(positionals.join(""), "memory");
  const instructions = decode(parseHex(program, "program"));
  const result = runBare(conformanceRuntime(), engine satisfies EngineName, { name: "program", instructions, memory });
  return result.toString(16);
};

try {
  console.log(runPlugin(process.argv.slice(2), readFileSync(0, "utf8")));
} catch (error) {
  if (!isEbpfError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
