import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why tests that need these programs are skipped; empty when all can be started. */
export const missingTools = (...names: readonly string[]): string => {
  const missing = names.filter((name) => spawnSync(name, ["--version"]).status !== 0);
  return missing.length === 0 ? "" : ` (skipped: ${missing.join(", ")} not installed)`;
};

/** Runs `use` with a folder that is deleted afterwards. */
const inFolder = <T>(use: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-asm-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** The contents of `.text` in an object file. */
const textSection = (folder: string, object: string): Uint8Array => {
  const binary = join(folder, "text.bin");
  execFileSync("llvm-objcopy-19", ["-O", "binary", "--only-section=.text", object, binary]);
  return new Uint8Array(readFileSync(binary));
};

const triple = (order: "little" | "big") => (order === "little" ? "bpfel" : "bpfeb");

/** The code that llvm-mc makes of a text. */
export const llvmAssemble = (text: string, order: "little" | "big", cpu = "v4"): Uint8Array =>
  inFolder((folder) => {
    const object = join(folder, "out.o");
    const args = [`-triple=${triple(order)}`, `-mcpu=${cpu}`, "-filetype=obj", "-o", object];
    execFileSync("llvm-mc-19", args, { input: text, stdio: ["pipe", "pipe", "pipe"] });
    return textSection(folder, object);
  });

/** The lines that llvm-objdump writes for some code, without addresses and without notes on where jumps go. */
export const llvmDisassemble = (code: Uint8Array, order: "little" | "big"): string[] =>
  inFolder((folder) => {
    const object = join(folder, "in.o");
    const bytes = `.byte ${[...code].join(",")}\n`;
    execFileSync("llvm-mc-19", [`-triple=${triple(order)}`, "-filetype=obj", "-o", object], { input: bytes });
    const args = ["-d", "--mcpu=v4", "--no-show-raw-insn", object];
    const output = execFileSync("llvm-objdump-19", args, { encoding: "utf8", maxBuffer: 1 << 26 });
    return [...output.matchAll(/^ +[0-9]+:\t(.*?)(?: <[\w.$+]*>)?$/gm)].map((line) => line[1]!);
  });

/** The code that GNU as makes of a text. */
export const gnuAssemble = (text: string, order: "little" | "big"): Uint8Array =>
  inFolder((folder) => {
    const object = join(folder, "out.o");
    const source = join(folder, "in.s");
    writeFileSync(source, text);
    execFileSync("bpf-as", [order === "little" ? "-EL" : "-EB", "-o", object, source], { stdio: "pipe" });
    const binary = join(folder, "text.bin");
    execFileSync("bpf-objcopy", ["-O", "binary", "--only-section=.text", object, binary]);
    return new Uint8Array(readFileSync(binary));
  });
