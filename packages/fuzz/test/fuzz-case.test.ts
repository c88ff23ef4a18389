import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CaseJson, caseFromJson, caseToJson, FuzzError, programs } from "../src/index.js";

describe("a case as JSON", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(programs(), (fuzzCase) => {
        const text = JSON.stringify(caseToJson(fuzzCase));
        const back = caseFromJson(JSON.parse(text) as CaseJson);
        expect(back.spec).toEqual(fuzzCase.spec);
        expect(back.contents).toEqual(fuzzCase.contents);
        expect(back.input).toEqual(fuzzCase.input);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it.each([
    ["no object", null],
    ["no code", { type: "xdp", maps: [], input: { packet: "" } }],
    ["half an instruction", { type: "xdp", code: ["b700"], maps: [], input: { packet: "" } }],
    ["digits that are none", { type: "xdp", code: ["zz00000000000000"], maps: [], input: { packet: "" } }],
  ])("is refused with a typed error: %s", (_name, json) => {
    expect(() => caseFromJson(json as unknown as CaseJson)).toThrow(FuzzError);
  });
});
