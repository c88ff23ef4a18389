import { decode, encode } from "@ebpf/asm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { mutations, programs } from "../../src/index.js";

it("mutants are seeds with a few changes, whose slots mean what their bytes say", () => {
  const seeds = fc.sample(programs(), { seed: 1, numRuns: 10 });
  let changed = 0;
  fc.assert(
    fc.property(mutations(seeds), ({ spec }) => {
      expect(decode(encode(spec.instructions))).toEqual(spec.instructions);
      if (!seeds.some((seed) => seed.spec.instructions === spec.instructions)) changed++;
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(changed).toBeGreaterThan(200);
});
