import { MalformedError } from "@ebpf/core";
import { readObject } from "@ebpf/elf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Coverage } from "../../src/bytes/coverage.js";
import { failureOn } from "../../src/bytes/failure.js";
import { minimiseBytes } from "../../src/bytes/minimise.js";
import { MAX_INPUT, mutate } from "../../src/bytes/mutate.js";
import { Random } from "../../src/bytes/random.js";
import { BYTE_TARGETS, type ByteTarget } from "../../src/bytes/targets.js";

const target = (run: ByteTarget["run"]): ByteTarget => ({ run, seeds: () => [] });

describe("mutated inputs", () => {
  it("are new arrays of bounded size, and the same for the same seed", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        (input, other, seed) => {
          const before = [input.slice(), other.slice()];
          const output = mutate(input, new Random(seed), other);
          expect(output.length).toBeLessThanOrEqual(MAX_INPUT);
          expect(mutate(input, new Random(seed), other)).toEqual(output);
          expect([input, other]).toEqual(before);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });

  it("never grow beyond the limit", () => {
    const random = new Random(3);
    let input = new Uint8Array(MAX_INPUT).fill(1);
    for (let i = 0; i < 50; i++) {
      input = new Uint8Array(mutate(input, random, input));
      expect(input.length).toBeLessThanOrEqual(MAX_INPUT);
    }
  });

  it("differ from the input, mostly", () => {
    const random = new Random(1);
    const input = Uint8Array.from({ length: 40 }, (_, i) => i);
    const same = Array.from({ length: 200 }, () => mutate(input, random, input)).filter(
      (output) => output.length === input.length && output.every((byte, i) => byte === input[i]),
    );
    expect(same.length).toBeLessThan(20);
  });
});

describe("what counts as a failure", () => {
  it("is neither a value nor a typed error", () => {
    expect(
      failureOn(
        target(() => {}),
        new Uint8Array(),
      ),
    ).toBeUndefined();
    const malformed = target(() => {
      throw new MalformedError("TRUNCATED", "a", 0, "it ends");
    });
    expect(failureOn(malformed, new Uint8Array())).toBeUndefined();
  });

  it("has the same key for the same mistake with other numbers", () => {
    const keyOf = (text: string) =>
      failureOn(
        target(() => {
          throw new RangeError(text);
        }),
        new Uint8Array(),
      )?.key;
    expect(keyOf("offset 17 of 20")).toBe(keyOf("offset 3 of 9"));
    expect(keyOf("offset 17 of 20")).toMatch(/^RangeError: offset N of N in bytes\.test\.ts$/);
    expect(keyOf("offset 17 of 20")).not.toBe(keyOf("another"));
  });
});

describe("smaller inputs", () => {
  it("keep what fails, and nothing else", async () => {
    const input = Uint8Array.from({ length: 500 }, (_, i) => (i * 7) % 256);
    const needed = [input[100]!, input[333]!];
    const fails = (bytes: Uint8Array): boolean => {
      const first = bytes.indexOf(needed[0]!);
      return first >= 0 && bytes.indexOf(needed[1]!, first + 1) >= 0;
    };
    expect([...(await minimiseBytes(input, fails, 10_000))]).toEqual(needed);
  });

  it("are given up after so many attempts", async () => {
    let attempts = 0;
    const never = (): boolean => {
      attempts++;
      return false;
    };
    const input = new Uint8Array(1000).fill(1);
    expect(await minimiseBytes(input, never, 37)).toEqual(input);
    expect(attempts).toBe(37);
  });

  it("may be empty", async () => {
    expect(await minimiseBytes(Uint8Array.of(1, 2, 3), () => true, 100)).toEqual(new Uint8Array());
  });
});

describe("coverage", () => {
  it("tells a way through a function that wasn't taken before", () => {
    const branches = (input: number): number => {
      if (input > 10) return 1;
      return input > 5 ? 2 : 3;
    };
    const coverage = new Coverage({ include: (url) => url.includes("bytes.test") });
    branches(1);
    coverage.isNew("one");
    const isNew = (input: number): boolean => {
      branches(input);
      return coverage.isNew("one");
    };
    // The first questions also see the helper itself for the first time.
    isNew(1);
    isNew(1);
    expect([isNew(2), isNew(7), isNew(8), isNew(20), isNew(2)]).toEqual([false, true, false, true, false]);
  });
});

describe("seeds", () => {
  it.each(Object.entries(BYTE_TARGETS))("of %s are valid", (_, { run, seeds }) => {
    expect(seeds().length).toBeGreaterThan(0);
    for (const seed of seeds()) run(seed);
  });

  it("of elf are an object with a program and a map", () => {
    const { programs, maps, license } = readObject(BYTE_TARGETS.elf.seeds()[0]!);
    expect(programs.map((entry) => ("spec" in entry ? entry.spec.type : entry.error.message))).toEqual(["xdp"]);
    expect([...maps.values()]).toMatchObject([
      { name: "table", type: "array", keySize: 4, valueSize: 8, maxEntries: 4 },
    ]);
    expect(license).toBe("GPL");
  });
});
