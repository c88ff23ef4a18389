import { describe, expect, it } from "vitest";
import type { Tnum } from "../../src/domain/tnum.js";
import * as T from "../../src/domain/tnum.js";
import * as W from "../../src/domain/word.js";

const WIDTH = 4;
const VALUES = 1 << WIDTH;

/** Every tristate number of 4 bits; the bits above are known to be 0. */
const TNUMS: Tnum[] = [];
for (let value = 0; value < VALUES; value++) {
  for (let mask = 0; mask < VALUES; mask++) {
    if ((value & mask) === 0) TNUMS.push({ value: W.fromUint32(value), mask: W.fromUint32(mask) });
  }
}

const members = (t: Tnum): number[] => {
  const found: number[] = [];
  for (let x = 0; x < VALUES; x++) if ((x & ~t.mask.lo) === t.value.lo) found.push(x);
  return found;
};

const BINARY: Record<string, [(a: Tnum, b: Tnum) => Tnum, (x: bigint, y: bigint) => bigint]> = {
  add: [T.add, (x, y) => x + y],
  subtract: [T.subtract, (x, y) => x - y],
  multiply: [T.multiply, (x, y) => x * y],
  and: [T.and, (x, y) => x & y],
  or: [T.or, (x, y) => x | y],
  xor: [T.xor, (x, y) => x ^ y],
};

describe("tristate numbers of 4 bits, all of them", () => {
  it("has all 81", () => {
    expect(TNUMS).toHaveLength(81);
  });

  it("finds the next member above any number, at the low and at the high end of a word", () => {
    for (const t of TNUMS) {
      for (let after = 0; after < VALUES; after++) {
        const expected = members(t).find((x) => x > after);
        for (const shift of [0, 30, 60]) {
          const moved = { value: W.shiftLeft(t.value, shift), mask: W.shiftLeft(t.mask, shift) };
          const found = T.next(moved, W.shiftLeft(W.fromUint32(after), shift));
          const wanted = expected === undefined ? undefined : BigInt(expected) << BigInt(shift);
          expect(found && W.toBigInt(found)).toBe(wanted);
        }
      }
    }
  });

  for (const [name, [abstract, concrete]] of Object.entries(BINARY)) {
    it(`${name} holds every concrete result`, () => {
      for (const a of TNUMS) {
        for (const b of TNUMS) {
          const result = abstract(a, b);
          for (const x of members(a)) {
            for (const y of members(b)) {
              const expected = W.fromBigInt(BigInt.asUintN(64, concrete(BigInt(x), BigInt(y))));
              if (!T.holds(result, expected)) expect({ name, a, b, x, y, result }).toBe("to hold");
            }
          }
        }
      }
    });
  }

  it("shifts, negates and truncates every member", () => {
    for (const a of TNUMS) {
      for (const x of members(a)) {
        for (const n of [0, 1, 3, 31, 32, 33, 63]) {
          const value = BigInt(x) << 60n;
          const high = T.shiftLeft(a, 60);
          expect(T.holds(T.shiftLeft(a, n), W.fromBigInt(BigInt.asUintN(64, BigInt(x) << BigInt(n))))).toBe(true);
          expect(T.holds(T.shiftRight(high, n), W.fromBigInt(value >> BigInt(n)))).toBe(true);
          const signed = BigInt.asUintN(64, BigInt.asIntN(64, value) >> BigInt(n));
          expect(T.holds(T.shiftRightSigned(high, n), W.fromBigInt(signed))).toBe(true);
        }
        expect(T.holds(T.negate(a), W.fromBigInt(BigInt.asUintN(64, -BigInt(x))))).toBe(true);
        expect(T.holds(T.truncate(T.shiftLeft(a, 6), 1), W.fromUint32((x << 6) & 0xff))).toBe(true);
      }
    }
  });

  it("contains, overlaps, intersects and joins as sets do", () => {
    for (const a of TNUMS) {
      for (const b of TNUMS) {
        const [x, y] = [members(a), members(b)];
        const both = x.filter((value) => y.includes(value));
        expect(T.contains(a, b)).toBe(both.length === y.length);
        expect(T.overlap(a, b)).toBe(both.length > 0);
        if (both.length > 0) expect(members(T.intersect(a, b))).toEqual(both);
        const joined = members(T.join(a, b));
        for (const value of [...x, ...y]) expect(joined).toContain(value);
      }
    }
  });

  it("covers an interval", () => {
    for (let min = 0; min < VALUES; min++) {
      for (let max = min; max < VALUES; max++) {
        const covered = members(T.range(W.fromUint32(min), W.fromUint32(max)));
        for (let x = min; x <= max; x++) expect(covered).toContain(x);
      }
    }
  });
});
