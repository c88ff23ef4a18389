import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kernelLog, verify } from "../../src/index.js";
import { program } from "../programs.js";

// Each file is a program, a line `----`, and what Linux 6.18.44 wrote for it as a socket filter at level 2.
const FOLDER = new URL("../fixtures/kernel-log/", import.meta.url);

const logOf = (text: string, level: 1 | 2): string => {
  const spec = program(text, { type: "socket_filter" });
  const pieces: string[] = [];
  verify(spec, { onEvent: kernelLog(spec, (piece) => pieces.push(piece), { level }) });
  return pieces.join("");
};

const fixture = (file: string): [text: string, log: string] => {
  const [text = "", log = ""] = readFileSync(new URL(file, FOLDER), "utf8").split("----\n");
  return [text, log];
};

/** The kernel leaves spaces at the ends of some lines. */
const lines = (log: string): string[] => log.split("\n").map((line) => line.trimEnd());

describe("kernelLog", () => {
  it.each(readdirSync(FOLDER))("writes at level 2 what Linux 6.18 writes: %s", (file) => {
    const [text, log] = fixture(file);
    expect(log).toContain("processed");
    expect(lines(logOf(text, 2))).toEqual(lines(log));
  });

  it("writes only the statistics of an accepted program at level 1", () => {
    const [text, log] = fixture("call.txt");
    expect(lines(logOf(text, 1))).toEqual(lines(log).slice(-2));
  });

  it("writes the path to the rejection at level 1", () => {
    // Linux 6.18.44 at level 1.
    const expected = `0: R1=ctx() R10=fp0
0: (b7) r6 = 0                        ; R6=0
1: (57) r6 &= 1                       ; R6=0
2: (05) goto pc-2
1: (57) r6 &= 1                       ; R6=0
2: (05) goto pc-2
1: (57) r6 &= 1                       ; R6=0
2: (05) goto pc-2
1: (57) r6 &= 1                       ; R6=0
2: (05) goto pc-2
infinite loop detected at insn 1
cur state: R1=ctx() R6=0 R10=fp0
old state: R1=ctx() R6=0 R10=fp0
processed 10 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0
`;
    expect(logOf(fixture("infinite-loop.txt")[0], 1)).toBe(expected);
  });
});
