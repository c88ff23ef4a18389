import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareWithKernel, summarize } from "../src/kernel.js";

const corpora = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../shared/corpora", import.meta.url));
const directory = join(corpora, "kernel-selftests");
const present = existsSync(join(directory, "programs.jsonl.gz"));

describe("verdicts of Linux 6.18 on programs of its own tests", () => {
  it.skipIf(!present)(`agree, and nothing is accepted wrongly${present ? "" : ` (needs ${directory})`}`, () => {
    // Long programs are for `conformance kernel`; here they end early, which can only reject.
    const outcomes = compareWithKernel(directory, { need: "none", maxInstructions: 5000 });
    const wrong = outcomes.filter(({ ours, kernel }) => ours === "accept" && kernel === "reject");
    expect(wrong.map(({ object, program }) => `${object} ${program}`)).toEqual([]);
    const { total, environment, crashed, agree } = summarize(outcomes);
    expect(crashed).toBe(0);
    expect(agree / (total - environment)).toBeGreaterThan(0.8);
  });
});
