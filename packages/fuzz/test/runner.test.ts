import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { caseToJson, describeCase, FuzzError, programs, wellFormedPrograms } from "../src/index.js";
import { found, type Oracle } from "../src/oracle/outcome.js";
import { batchSeed, caseAt, runBatch } from "../src/runner/batch.js";
import { ORACLES, readCases, renderReport, replay, writeCase } from "../src/runner.js";

/** Finds every program with a division: a mistake that is there to be found. */
const divisionOracle: Oracle = ({ spec }) =>
  spec.instructions.some(({ op }) => op.family === "alu" && op.operator === "div")
    ? found("test", "a division", "there")
    : { kind: "agree", note: "none" };

const batchOf = (seed: number, known: readonly string[] = []) =>
  runBatch({
    cases: wellFormedPrograms(),
    oracle: divisionOracle,
    seed,
    known: new Set(known),
    seen: new Set(),
    beat: () => {},
  });

describe("a batch", () => {
  it("is the same for the same seed", () => {
    expect(batchOf(5)).toEqual(batchOf(5));
    expect(batchOf(6)).not.toEqual(batchOf(5));
    expect(batchSeed(1, 0, 0)).not.toBe(batchSeed(1, 1, 0));
    expect(batchSeed(1, 0, 0)).not.toBe(batchSeed(1, 0, 1));
  });

  it("groups what it finds by key, and makes the first of each small", () => {
    const { findings, runs, notes } = batchOf(5);
    expect(findings).toHaveLength(1);
    const [finding] = findings;
    expect(finding).toMatchObject({ oracle: "test", key: "a division", count: notes.finding });
    expect(finding!.case.code.length).toBeLessThanOrEqual(2);
    expect(runs).toBe(Object.values(notes).reduce((sum, count) => sum + count, 0));
  });

  it("leaves findings of a known key as they are", () => {
    expect(batchOf(5, ["a division"]).findings[0]!.case.code.length).toBeGreaterThan(2);
  });

  it("names cases so that they can be had again", () => {
    const { findings } = batchOf(5, ["a division"]);
    const again = caseAt(wellFormedPrograms(), findings[0]!.origin);
    expect(caseToJson(again)).toEqual(findings[0]!.case);
  });
});

describe("a corpus folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("gives back the cases that were written", () => {
    const [fuzzCase] = fc.sample(programs(), { seed: 1, numRuns: 1 });
    const path = writeCase(folder, caseToJson(fuzzCase!));
    writeCase(folder, caseToJson(fuzzCase!));
    expect(readdirSync(folder)).toHaveLength(1);
    expect(readCases(folder)).toEqual([caseToJson(fuzzCase!)]);
    expect(readCases(path)).toEqual([caseToJson(fuzzCase!)]);
  });

  it("refuses files that hold no case", () => {
    const path = join(folder, "bad.json");
    writeFileSync(path, "[");
    expect(() => readCases(path)).toThrow(FuzzError);
    rmSync(path);
  });
});

describe("replay", () => {
  it("judges the case that a report names", async () => {
    const { case: first, outcome } = await replay("engines", "1234:5");
    expect(outcome.kind).toBe("agree");
    expect(describeCase((await replay("engines", "1234:5")).case)).toBe(describeCase(first));
  });

  it.each([
    ["nobody", "1:1"],
    ["engines", "no such file"],
  ])("refuses %s %s", async (oracle, what) => {
    await expect(replay(oracle, what)).rejects.toThrow(FuzzError);
  });
});

const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const unbuilt = existsSync(CLI) ? "" : " (skipped: no dist; run scripts/setup.mjs)";

describe.skipIf(unbuilt !== "")(`the command line${unbuilt}`, () => {
  const run = (...args: string[]) => {
    try {
      return { code: 0, out: execFileSync("node", [CLI, ...args], { encoding: "utf8", stdio: "pipe" }) };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
      return { code: status, out: stdout + stderr };
    }
  };

  it("fuzzes for a while, and ends with one line of JSON", () => {
    const { out } = run("--oracle", "engines", "--time", "3", "--json");
    const summary = JSON.parse(out.trim()) as Record<string, unknown>;
    expect(Object.keys(summary)).toEqual(["runs", "rate", "findings"]);
  });

  it.each([[["--oracle", "nobody"]], [["--time", "soon"]], [["--what"]]])("exits with 2 for %j", (args) => {
    const { code, out } = run(...args);
    expect(code).toBe(2);
    expect(out).toContain("BAD_OPTION");
  });
});

it("reports begin with counts, and say when nothing could be run", () => {
  const report = { oracle: "verdict", runs: 0, rate: 0, findings: [], notes: {} };
  expect(renderReport(report)).toContain("0 findings");
  expect(renderReport({ ...report, skipped: "no bpf" })).toBe("verdict: skipped: no bpf");
  expect(ORACLES).toEqual(["engines", "binaryen", "containment", "verdict", "log", "result"]);
});
