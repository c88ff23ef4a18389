import { OPERATIONS, slotsOf, targetOf } from "@ebpf/asm";
import { verify } from "@ebpf/verifier";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instructions, programs, wellFormedPrograms } from "../../src/index.js";

const SAMPLE = { seed: 1, numRuns: 300 };

describe("programs", () => {
  const sample = fc.sample(programs(), SAMPLE);
  const verdicts = sample.map(({ spec }) => verify(spec));

  it("are accepted often, and refused for many reasons", () => {
    const accepted = verdicts.filter(({ verdict }) => verdict === "accept");
    const codes = new Set(verdicts.map(({ rejection }) => rejection?.code));
    expect(accepted.length).toBeGreaterThan(SAMPLE.numRuns / 4);
    expect(accepted.length).toBeLessThan(SAMPLE.numRuns);
    expect(codes.size).toBeGreaterThan(15);
  });

  it("name every map that they use", () => {
    for (const { spec } of sample) {
      for (const { op, imm } of spec.instructions) {
        if (op.family === "lddw" && (op.meaning === "map" || op.meaning === "map_value") && spec.maps.size > 0) {
          if (spec.maps.has(imm)) continue;
          // Only the snippet that emits any operation at all names a map that is not there.
          expect(verify(spec).verdict).toBe("reject");
        }
      }
    }
  });

  it("shrink to a few instructions that still show the point", () => {
    const property = fc.property(programs(), ({ spec }) => verify(spec).rejection?.code !== "NULLABLE_POINTER");
    const { failed, counterexample } = fc.check(property, { seed: 1, numRuns: 2000 });
    expect(failed).toBe(true);
    expect(counterexample![0].spec.instructions.length).toBeLessThan(30);
  });

  it("print as a listing", () => {
    const [first] = sample;
    expect(fc.stringify(first)).toContain("0: ");
    expect(fc.stringify(first)).toContain(first!.spec.type);
  });
});

describe("well-formed programs", () => {
  it("visit every operation that stands for itself", () => {
    const seen = new Set(
      fc
        .sample(wellFormedPrograms(), { seed: 1, numRuns: 600 })
        .flatMap(({ spec }) => spec.instructions.map(({ op }) => op.name)),
    );
    const surroundings = new Set(["call", "raw", "lddw-tail"]);
    const missing = OPERATIONS.filter(({ family }) => !surroundings.has(family) && family !== "lddw")
      .map(({ name }) => name)
      .filter((name) => !seen.has(name));
    expect(missing).toEqual(["addr_space_cast"]);
  });

  it("keep to the version of the instruction set and the conformance groups", () => {
    const filter = { cpu: "v2", groups: ["base32", "base64"] } as const;
    for (const { spec } of fc.sample(wellFormedPrograms(filter), { seed: 1, numRuns: 100 })) {
      for (const { op } of spec.instructions) {
        expect(["v1", "v2"]).toContain(op.cpu);
        expect(["base32", "base64"]).toContain(op.group);
      }
    }
  });

  it("jump only to instructions", () => {
    for (const { spec } of fc.sample(wellFormedPrograms(), { seed: 1, numRuns: 200 })) {
      const starts = new Set<number>();
      for (let pc = 0; pc < spec.instructions.length; pc += slotsOf(spec.instructions[pc]!)) starts.add(pc);
      spec.instructions.forEach((slot, pc) => {
        const target = targetOf(slot, pc);
        if (target !== undefined) expect(starts).toContain(target);
      });
    }
  });
});

describe("instructions", () => {
  it("are well-formed for every row of the operation table", () => {
    fc.assert(
      fc.property(instructions(), ([slot]) => slot !== undefined && slot.op.family !== "raw"),
      { seed: 1, numRuns: 500 },
    );
  });
});
