import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highOf, joinHalves, joinHalvesSigned, lowOf, multiplyHighHalf } from "../src/index.js";

const settings = { seed: 20261122, numRuns: 2000 };
const BOUNDARIES = [0, 1, 2, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const u32 = fc.oneof(fc.constantFrom(...BOUNDARIES), fc.integer({ min: 0, max: 0xffff_ffff }));
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.tuple(u32, u32).map(([l, h]) => (BigInt(h) << 32n) | BigInt(l)),
);

describe("halves", () => {
  it("come apart and join again", () => {
    fc.assert(
      fc.property(u64, (value) => {
        expect(joinHalves(lowOf(value), highOf(value))).toBe(value);
        expect(joinHalvesSigned(lowOf(value), highOf(value))).toBe(BigInt.asIntN(64, value));
      }),
      settings,
    );
  });

  it("are int32", () => {
    expect([lowOf(0xffff_ffff_8000_0000n), highOf(0xffff_ffff_8000_0000n)]).toEqual([-0x8000_0000, -1]);
  });
});

describe("multiplication", () => {
  it("of 64-bit numbers agrees with bigint modulo 2^64", () => {
    fc.assert(
      fc.property(u64, u64, (a, b) => {
        const low = Math.imul(lowOf(a), lowOf(b));
        const high = multiplyHighHalf(lowOf(a), highOf(a), lowOf(b), highOf(b));
        expect(joinHalves(low, high)).toBe(BigInt.asUintN(64, a * b));
      }),
      settings,
    );
  });
});
