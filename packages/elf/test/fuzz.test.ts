import { isEbpfError } from "@ebpf/core";
import { readObject } from "@ebpf/elf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fixture } from "./support/fixture.js";

/** Numbers that lie at borders. */
const VALUES = [0, 1, 2, 3, 4, 8, 0x10, 0x7f, 0x80, 0xfe, 0xff];

const opens = (bytes: Uint8Array): boolean => {
  try {
    readObject(bytes);
    return true;
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    return false;
  }
};

test.each(["features-el.o", "features-eb.o", "legacy-el.o", "legacy-eb.o"])(
  "%s, changed at random, opens or gives a typed error",
  (name) => {
    const whole = fixture(name);
    const headers = whole.length - 64 * 40;
    let opened = 0;
    const runs = 1500;
    const place = fc.oneof(
      fc.nat({ max: whole.length - 1 }),
      fc.integer({ min: Math.max(0, headers), max: whole.length - 1 }),
      fc.nat({ max: 63 }),
    );
    const patch = fc.tuple(place, fc.oneof(fc.constantFrom(...VALUES), fc.nat({ max: 255 })));
    fc.assert(
      fc.property(fc.array(patch, { minLength: 1, maxLength: 6 }), (patches) => {
        const bytes = whole.slice();
        for (const [at, value] of patches) bytes[at] = value;
        const start = performance.now();
        if (opens(bytes)) opened++;
        expect(performance.now() - start).toBeLessThan(1000);
      }),
      { seed: 1, numRuns: runs },
    );
    expect(opened).toBeGreaterThan(0);
    expect(opened).toBeLessThan(runs);
  },
);
