import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a skipped test's name says when a program isn't there; "" when it is. */
export const lacks = (program: string, flag = "--version"): string =>
  spawnSync(program, [flag]).error === undefined ? "" : ` (skipped: no ${program})`;

/** What is missing to compile C for BPF and to take objects apart. */
export const lacksClang = (): string => lacks("clang-19") || lacks("llvm-objcopy-19");

/** Path of a C source among the fixtures. */
export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** Compiles C for BPF with debug information. */
export const compile = (source: string, object: string, ...flags: readonly string[]): void => {
  execFileSync("clang-19", ["-O2", "-g", "-target", "bpf", "-mcpu=v3", ...flags, "-c", source, "-o", object]);
};

/** The content of a section of an object file in `folder`. */
export const section = (folder: string, object: string, name: string): Uint8Array => {
  const raw = join(folder, "section");
  execFileSync("llvm-objcopy-19", [`--dump-section=${name}=${raw}`, join(folder, object), "/dev/null"]);
  return new Uint8Array(readFileSync(raw));
};
