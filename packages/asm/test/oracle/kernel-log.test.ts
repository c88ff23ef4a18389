import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { hexToBytes } from "@ebpf/core";
import { describe, expect, it } from "vitest";
import { assemble, decode, formatInstruction, type Instruction } from "../../src/index.js";
import { CORPORA, missingCorpus } from "../corpora.js";

const missing = missingCorpus("kernel-selftests/programs.jsonl.gz");

interface Recorded {
  readonly id: string;
  readonly insns: string;
  readonly kernel: { readonly log?: string };
}

const recorded = (): Recorded[] =>
  gunzipSync(readFileSync(join(CORPORA, "kernel-selftests/programs.jsonl.gz")))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);

/** The kernel keeps the end of a log that is too long, and the corpus cuts the middle out, wherever that falls in a line. */
const CUT = /^[^\n]*\n|[^\n]*\n\.\.\.\[cut\]\.\.\.\n[^\n]*/g;

/** True for an LD_IMM64 that the kernel has put an address into before it wrote the log. */
const isAddress = ({ op }: Instruction) => op.family === "lddw" && op.meaning !== "value";

/** The complete instruction lines of a log; states and source lines that follow are cut off. */
const logLines = (log: string): [pc: number, text: string][] =>
  [...log.replace(CUT, "").matchAll(/^([0-9]+): (\([0-9a-f]{2}\) .*)\n/gm)].map((line) => [
    Number(line[1]),
    line[2]!.replace(/ +;.*$| [0-9]+: R0.*$/, "").trimEnd(),
  ]);

describe.skipIf(missing !== "")(`the text of kernel logs${missing}`, () => {
  const programs = existsSync(join(CORPORA, "kernel-selftests/programs.jsonl.gz")) ? recorded() : [];

  it("is what Linux wrote for every recorded instruction", () => {
    let lines = 0;
    const differing: string[] = [];
    for (const { id, insns, kernel } of programs) {
      const program = decode(hexToBytes(insns)!);
      for (const [pc, text] of logLines(kernel.log ?? "")) {
        const slot = program[pc];
        // Calls have the kernel's names.
        if (slot === undefined || /call [^p]/.test(text) || isAddress(slot)) continue;
        const ours = formatInstruction(program, pc, { dialect: "kernel-log" });
        lines++;
        if (ours !== text) differing.push(`${id} ${pc}: ${ours} is ${text}`);
      }
    }
    expect(differing).toEqual([]);
    expect(lines).toBeGreaterThan(50_000);
  });

  it("assembles back to the instruction that Linux wrote it for", () => {
    const seen = new Map<string, string>();
    for (const { insns, kernel } of programs) {
      const program = decode(hexToBytes(insns)!);
      for (const [pc, text] of logLines(kernel.log ?? "")) {
        const slot = program[pc];
        if (
          slot === undefined ||
          slot.op.family === "call" ||
          slot.op.family === "raw" ||
          isAddress(slot) ||
          seen.has(text)
        )
          continue;
        seen.set(text, formatInstruction(program, pc, { dialect: "kernel" }));
      }
    }
    const texts = [...seen.keys()];
    const lines = texts.map((text, i) => `${i}: ${text} ; R1_w=scalar() R10=fp0\n`).join("");
    const { instructions } = assemble(lines, { dialect: "kernel" }).sections[0]!;
    const back = instructions
      .map((slot, pc) =>
        slot.op.family === "lddw-tail" ? "" : formatInstruction(instructions, pc, { dialect: "kernel" }),
      )
      .filter((text) => text !== "");
    expect(back).toEqual([...seen.values()]);
  });
});
