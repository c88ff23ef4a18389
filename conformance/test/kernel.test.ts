import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { judge } from "../src/judgement.js";
import { recordedVerdict } from "../src/kernel.js";
import { programOf, readBtfs, readRecords } from "../src/kernel-records.js";
import { outcomeOf, summarize } from "../src/outcome.js";

const corpora = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../shared/corpora", import.meta.url));
const directory = join(corpora, "kernel-selftests");
const present = existsSync(join(directory, "programs.jsonl.gz"));

describe("verdicts of Linux 6.18 on programs of its own tests", () => {
  it.skipIf(!present)(`agree, and nothing is accepted wrongly${present ? "" : ` (needs ${directory})`}`, () => {
    const btfs = readBtfs(directory);
    const outcomes = readRecords(directory)
      .filter(({ btf_need }) => btf_need === "none")
      // Long programs are for `conformance kernel`; here they end early, which can only reject.
      .map((record) =>
        outcomeOf(record, recordedVerdict(record), judge(programOf(record, btfs), { maxInstructions: 5000 })),
      );
    const wrong = outcomes.filter(
      ({ ours, kernel, environment }) => ours === "accept" && kernel === "reject" && !environment,
    );
    expect(wrong.map(({ object, program }) => `${object} ${program}`)).toEqual([]);
    const { total, environment, crashed, agree } = summarize(outcomes, 0);
    expect(crashed).toBe(0);
    expect(agree / (total - environment)).toBeGreaterThan(0.8);
    // The README of the corpora names what the recording machine lacked: a program type and a helper; a map is marked.
    expect(environment).toBe(8);
  });

  it.skipIf(!present)(`pass through states that are in order${present ? "" : ` (needs ${directory})`}`, () => {
    const btfs = readBtfs(directory);
    const sample = readRecords(directory).filter((_, index) => index % 10 === 0);
    const judgements = sample.map((record) =>
      judge(programOf(record, btfs), { maxInstructions: 1000, selfCheck: true }),
    );
    expect(judgements.filter(({ ours }) => ours === "crashed")).toEqual([]);
    expect(judgements.filter(({ ours }) => ours === "accept").length).toBeGreaterThan(100);
  });
});
