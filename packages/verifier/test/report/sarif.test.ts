import type { Log } from "sarif";
import { describe, expect, it } from "vitest";
import { toSarif, verify } from "../../src/index.js";
import { program } from "../programs.js";

const SOURCE = { pc: 1, file: "src/a b.c", line: 7, column: 3, text: "  return *p;" };

const rejectionOf = (text: string, lines: (typeof SOURCE)[] = []) => {
  const { rejection } = verify(program(text, { lines }));
  expect(rejection).toBeDefined();
  return rejection!;
};

/** Reads a register that nothing set. */
const UNSET = "r0 = 0\nr0 = r3\nexit";

describe("toSarif", () => {
  it("points to the line of C, with the rule that is broken", () => {
    // The type is that of the standard's published schema.
    const log: Log = toSarif([{ program: "main", object: "out/a.o", rejection: rejectionOf(UNSET, [SOURCE]) }]);
    const [run] = log.runs;
    const [result] = run!.results!;
    expect(result!.locations![0]!.physicalLocation).toEqual({
      artifactLocation: { uri: "src/a%20b.c" },
      region: { startLine: 7, startColumn: 3, snippet: { text: "  return *p;" } },
    });
    expect(run!.tool.driver.rules![result!.ruleIndex!]!.id).toBe(result!.ruleId);
    expect(result!.ruleId).toBe("UNINITIALIZED_REGISTER");
    expect(result!.message.text).toContain("R3 !read_ok");
  });

  it("points to the object file when no line is known, and to nothing when there is no file", () => {
    const rejection = rejectionOf(UNSET);
    const [withFile, without] = toSarif([
      { program: "main", object: "a.o", rejection },
      { program: "main", rejection },
    ]).runs[0]!.results;
    expect(withFile!.locations[0]!.physicalLocation).toEqual({ artifactLocation: { uri: "a.o" } });
    expect(without!.locations[0]!.physicalLocation).toBeUndefined();
    expect(without!.locations[0]!.logicalLocations).toHaveLength(1);
  });

  it("tells the decisions that led there as a flow", () => {
    const lines = [
      { ...SOURCE, pc: 0, line: 5 },
      { ...SOURCE, pc: 3, line: 9 },
    ];
    const rejection = rejectionOf("if r1 == 0 goto bad\nr0 = 0\nexit\nbad: r0 = r3\nexit", lines);
    const log: Log = toSarif([{ program: "main", rejection }]);
    const steps = log.runs[0]!.results![0]!.codeFlows![0]!.threadFlows[0]!.locations;
    expect(steps.map(({ location }) => location!.physicalLocation!.region!.startLine)).toEqual([5, 9]);
    expect(steps.map(({ location }) => location!.message!.text)).toEqual([
      "0 → 3: (15) if r1 == 0x0 goto pc+2",
      "R3 !read_ok",
    ]);
  });

  it("tells where the value came from, as related locations", () => {
    const lines = [
      { ...SOURCE, pc: 0, line: 5 },
      { ...SOURCE, pc: 1, line: 9 },
    ];
    const rejection = rejectionOf("r6 = 7\nr0 = *(u8 *)(r6 + 0)\nexit", lines);
    const log: Log = toSarif([{ program: "main", rejection }]);
    const [related] = log.runs[0]!.results![0]!.relatedLocations!;
    expect(related!.physicalLocation!.region!.startLine).toBe(5);
    expect(related!.message!.text).toBe("history of R6: 0: (b7) r6 = 7");
  });

  it("lists each broken rule once", () => {
    const unset = rejectionOf(UNSET);
    const wild = rejectionOf("r0 = 0\nr0 = *(u64 *)(r0 + 0)\nexit");
    const { tool, results } = toSarif([unset, wild, unset].map((rejection) => ({ program: "p", rejection }))).runs[0]!;
    expect(tool.driver.rules).toHaveLength(2);
    expect(results.map(({ ruleId, ruleIndex }) => tool.driver.rules[ruleIndex]!.id === ruleId)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("is an empty run when nothing is rejected", () => {
    expect(toSarif([]).runs[0]).toMatchObject({ results: [], tool: { driver: { rules: [] } } });
  });
});
