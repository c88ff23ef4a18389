import { assemble, decode, type Instruction } from "@ebpf/asm";
import { hexToBytes } from "@ebpf/core";
import { ConformanceError } from "./errors.js";

/** One case of instruction-set conformance: a program, the memory that it is given, and what it must return. */
export interface IsaCase {
  readonly name: string;
  readonly instructions: readonly Instruction[];
  /** Given to the program as r1 = address, r2 = length; r1 is 0 when there is none. */
  readonly memory: Uint8Array;
  /** Expected r0, unsigned 64 bits. */
  readonly result: bigint;
}

/** The lines of each section of a `.data` file; comments and empty lines are dropped. */
const sectionsOf = (text: string): ReadonlyMap<string, readonly string[]> => {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const heading = /^--\s+(.*?)\s*$/.exec(line);
    if (heading !== null) {
      lines = [];
      sections.set(heading[1]!, lines);
      continue;
    }
    const code = line.replace(/#.*/, "").trim();
    if (code !== "") lines.push(code);
  }
  return sections;
};

const parseNumber = (text: string | undefined, where: string): bigint => {
  if (text === undefined || !/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) {
    throw new ConformanceError("BAD_CASE", `${where} is no number: ${text ?? "nothing"}`);
  }
  return BigInt.asUintN(64, text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text));
};

/** 64-bit instruction words, one a line. */
const decodeWords = (lines: readonly string[], where: string): Instruction[] => {
  const words = BigUint64Array.from(lines, (line) => parseNumber(line, where));
  const bytes = new Uint8Array(8 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setBigUint64(8 * index, word, true);
  });
  return decode(bytes);
};

const assembleCase = (lines: readonly string[], where: string): readonly Instruction[] => {
  const text = assemble(lines.join("\n"), { dialect: "ubpf" }).sections.find(({ name }) => name === ".text");
  if (text === undefined) throw new ConformanceError("BAD_CASE", `${where} has no code`);
  return text.instructions;
};

/**
 * Reads a case in the format of the upstream conformance suite.
 *
 * @throws ConformanceError `BAD_CASE` naming the section at fault; AsmError when the assembly does not parse.
 */
export const parseIsaCase = (name: string, text: string): IsaCase => {
  const sections = sectionsOf(text);
  const section = (title: string) => sections.get(title);
  const raw = section("raw");
  const assembly = section("asm");
  if (raw === undefined && assembly === undefined) {
    throw new ConformanceError("BAD_CASE", `${name} has neither a section asm nor raw`);
  }
  const memory = hexToBytes((section("mem") ?? []).join(" "));
  if (memory === undefined) throw new ConformanceError("BAD_CASE", `${name}: section mem is no hexadecimal`);
  return {
    name,
    instructions: raw ? decodeWords(raw, `${name}: section raw`) : assembleCase(assembly!, name),
    memory,
    result: parseNumber(section("result")?.at(-1), `${name}: section result`),
  };
};
