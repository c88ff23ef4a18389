import { assemble } from "@ebpf/asm";
import { Kernel, probeKernel } from "@ebpf/kernel";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  type FuzzCase,
  type Oracle,
  programs,
  RUN_BY_KERNEL,
  resultOracle,
  specOf,
  verdictOracle,
} from "../../src/index.js";

const availability = await probeKernel();
const missing = availability.available ? "" : ` (skipped: ${availability.message})`;
const kernel = availability.available ? await Kernel.open() : undefined;
afterAll(() => kernel?.[Symbol.dispose]());

const caseOf = (text: string): FuzzCase => ({
  spec: specOf(assemble(text, { dialect: "kernel" }).sections[0]!.instructions, { type: "xdp" }),
  contents: new Map(),
  input: { packet: new Uint8Array(64) },
});

describe.skipIf(kernel === undefined)(`oracles that ask the running kernel${missing}`, () => {
  const notesOf = (oracle: Oracle, cases: fc.Arbitrary<FuzzCase>, numRuns: number): Set<string> =>
    new Set(
      fc.sample(cases, { seed: 1, numRuns }).map((fuzzCase) => {
        const outcome = oracle(fuzzCase);
        return outcome.kind === "finding" ? outcome.finding.oracle : outcome.note;
      }),
    );

  it("verdict: accepts and rejects with the kernel", () => {
    const verdict = verdictOracle(kernel!);
    expect(verdict(caseOf("r0 = 2\nexit"))).toEqual({ kind: "agree", note: "accepted" });
    expect(verdict(caseOf("r0 = r5\nexit"))).toEqual({ kind: "agree", note: "rejected, same message" });
    const notes = notesOf(verdict, programs(), 60);
    expect(notes).toContain("accepted");
    expect(notes).toContain("rejected, same message");
  });

  it("result: does what the kernel's own run does", () => {
    const result = resultOracle(kernel!);
    expect(result(caseOf("r0 = 2\nexit"))).toEqual({ kind: "agree", note: "xdp" });
    // The stack below is what the kernel left there.
    expect(result(caseOf("r0 = *(u64 *)(r10 - 8)\nexit"))).toEqual({ kind: "skip", note: "uninitialised stack" });
    expect(notesOf(result, programs({ types: RUN_BY_KERNEL, tame: true }), 30).size).toBeGreaterThan(1);
  });
});
