import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertAgreement, engines, programs, wellFormedPrograms } from "../../src/index.js";

describe("interpreter = compiled", () => {
  it.each([
    ["programs shaped to be accepted", programs(), 150],
    ["any operations in any order", wellFormedPrograms(), 200],
  ] as const)("%s", (_name, cases, numRuns) => {
    const notes = new Set<string>();
    fc.assert(
      fc.property(cases, (fuzzCase) => {
        const outcome = engines(fuzzCase);
        assertAgreement(outcome, fuzzCase);
        notes.add(outcome.kind === "agree" ? outcome.note : outcome.kind);
      }),
      { seed: 1, numRuns },
    );
    expect(notes).toContain("accepted");
    expect(notes).toContain("MEMORY_FAULT");
  });
});
