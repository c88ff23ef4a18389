import type { AluOperator, Comparison } from "@ebpf/asm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute } from "../../src/domain/arithmetic.js";
import { byteSwapped, signExtend, signExtend32, truncate, zeroExtend32 } from "../../src/domain/cast.js";
import { decide, refine, refineSelf } from "../../src/domain/compare.js";
import * as S from "../../src/domain/scalar.js";
import { ofBits, settle } from "../../src/domain/settle.js";
import * as W from "../../src/domain/word.js";
import { member, value64 } from "./arbitraries.js";

const RUNS = { seed: 1, numRuns: 1500 };

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

/** How a number compares with itself; `set` may be either. */
const decideSelf = (comparison: string): boolean | undefined =>
  comparison === "set" ? undefined : ["eq", "ge", "le", "sge", "sle"].includes(comparison);

const holds = (scalar: S.Scalar, value: bigint): boolean => S.holds(scalar, W.fromBigInt(u64(value)));

/** RFC 9669 §4.1, on bigints. Shift distances are masked; division by 0 gives 0, its remainder the dividend. */
const ORACLE: Record<string, (x: bigint, y: bigint, bits: 32 | 64) => bigint> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => (y === 0n ? 0n : x / y),
  mod: (x, y) => (y === 0n ? x : x % y),
  sdiv: (x, y, bits) => (y === 0n ? 0n : BigInt.asIntN(bits, x) / BigInt.asIntN(bits, y)),
  smod: (x, y, bits) => (y === 0n ? x : BigInt.asIntN(bits, x) % BigInt.asIntN(bits, y)),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  lsh: (x, y, bits) => x << (y & BigInt(bits - 1)),
  rsh: (x, y, bits) => x >> (y & BigInt(bits - 1)),
  arsh: (x, y, bits) => BigInt.asIntN(bits, x) >> (y & BigInt(bits - 1)),
  neg: (x) => -x,
};

const COMPARISONS: Record<Comparison, (x: bigint, y: bigint, bits: 32 | 64) => boolean> = {
  eq: (x, y) => x === y,
  ne: (x, y) => x !== y,
  gt: (x, y) => x > y,
  ge: (x, y) => x >= y,
  lt: (x, y) => x < y,
  le: (x, y) => x <= y,
  sgt: (x, y, bits) => BigInt.asIntN(bits, x) > BigInt.asIntN(bits, y),
  sge: (x, y, bits) => BigInt.asIntN(bits, x) >= BigInt.asIntN(bits, y),
  slt: (x, y, bits) => BigInt.asIntN(bits, x) < BigInt.asIntN(bits, y),
  sle: (x, y, bits) => BigInt.asIntN(bits, x) <= BigInt.asIntN(bits, y),
  set: (x, y) => (x & y) !== 0n,
};

/** The low bytes of a value in the other order. */
const swapped = (value: bigint, bits: number): bigint => {
  const digits = BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, "0");
  return BigInt(`0x${digits.match(/../g)!.reverse().join("")}`);
};

describe("scalars: what may happen is held", () => {
  for (const width of [64, 32] as const) {
    for (const [operator, oracle] of Object.entries(ORACLE)) {
      it(`${operator}${width}`, () => {
        fc.assert(
          fc.property(member, member, (a, b) => {
            const [x, y] = [BigInt.asUintN(width, a.value), BigInt.asUintN(width, b.value)];
            const expected = BigInt.asUintN(width, oracle(x, y, width));
            expect(holds(compute(operator as AluOperator, width, a.scalar, b.scalar), expected)).toBe(true);
          }),
          RUNS,
        );
      });
    }

    for (const [comparison, oracle] of Object.entries(COMPARISONS) as [
      Comparison,
      (typeof COMPARISONS)[Comparison],
    ][]) {
      it(`j${comparison}${width}: decided rightly, and both operands stay held`, () => {
        fc.assert(
          fc.property(member, member, (a, b) => {
            const outcome = oracle(BigInt.asUintN(width, a.value), BigInt.asUintN(width, b.value), width);
            const decided = decide(comparison, a.scalar, b.scalar, width);
            if (decided !== undefined) {
              expect(decided).toBe(outcome);
              return;
            }
            const [x, y] = refine(comparison, a.scalar, b.scalar, width, outcome);
            expect(holds(x, a.value)).toBe(true);
            expect(holds(y, b.value)).toBe(true);
            if (outcome === decideSelf(comparison)) {
              expect(holds(refineSelf(comparison, a.scalar, width, outcome), a.value)).toBe(true);
            }
          }),
          RUNS,
        );
      });
    }
  }

  it("casts", () => {
    fc.assert(
      fc.property(member, ({ scalar, value }) => {
        expect(holds(zeroExtend32(scalar), u32(value))).toBe(true);
        for (const bytes of [1, 2, 4, 8] as const) {
          expect(holds(truncate(scalar, bytes), BigInt.asUintN(8 * bytes, value))).toBe(true);
        }
        for (const bits of [8, 16, 32, 64] as const) {
          expect(holds(signExtend(scalar, bits), BigInt.asIntN(bits, value))).toBe(true);
        }
        for (const bits of [8, 16] as const) {
          expect(holds(signExtend32(scalar, bits), u32(BigInt.asIntN(bits, value)))).toBe(true);
        }
        for (const bits of [16, 32, 64] as const) {
          expect(holds(truncate(scalar, (bits / 8) as 2 | 4 | 8), BigInt.asUintN(bits, value))).toBe(true);
          expect(holds(byteSwapped(scalar, bits), swapped(value, bits))).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it("settle keeps every value that all views allow", () => {
    fc.assert(
      fc.property(member, member, fc.boolean(), (a, b, swap) => {
        // Views of two scalars that both hold one value, put together.
        const mixed: S.Scalar = swap
          ? { ...a.scalar, bits: S.UNKNOWN.bits }
          : { ...S.UNKNOWN, u64: a.scalar.u64, s32: a.scalar.s32 };
        expect(holds(settle(mixed), a.value)).toBe(true);
        expect(holds(settle(b.scalar), b.value)).toBe(true);
      }),
      RUNS,
    );
  });

  it("a containing scalar holds what the contained one holds", () => {
    fc.assert(
      fc.property(member, member, (a, b) => {
        if (S.contains(a.scalar, b.scalar)) expect(holds(a.scalar, b.value)).toBe(true);
      }),
      RUNS,
    );
  });
});

describe("scalars: what is known is found", () => {
  it("computes constants exactly", () => {
    fc.assert(
      fc.property(value64, value64, (x, y) => {
        const [a, b] = [S.constant(W.fromBigInt(x)), S.constant(W.fromBigInt(y))];
        for (const operator of ["add", "sub", "mul", "and", "or", "xor"] as const) {
          const result = S.constantValue(compute(operator, 64, a, b));
          expect(result && W.toBigInt(result)).toBe(u64(ORACLE[operator]!(x, y, 64)));
        }
      }),
      RUNS,
    );
  });

  it("bounds both operands of an unsigned comparison", () => {
    const ten = S.constantOf(10);
    const [below] = refine("lt", S.UNKNOWN, ten, 64, true);
    expect([W.toBigInt(below.u64.min), W.toBigInt(below.u64.max)]).toEqual([0n, 9n]);
    const [atLeast] = refine("lt", S.UNKNOWN, ten, 64, false);
    expect(W.toBigInt(atLeast.u64.min)).toBe(10n);
    const [, right] = refine("gt", ten, S.UNKNOWN, 64, true);
    expect(W.toBigInt(right.u64.max)).toBe(9n);
  });

  it("finds the signed bounds of a masked byte", () => {
    const byte = compute("and", 64, S.UNKNOWN, S.constantOf(0xff));
    expect([s64(W.toBigInt(byte.s64.min)), s64(W.toBigInt(byte.s64.max))]).toEqual([0n, 255n]);
    expect([byte.s32.min, byte.s32.max]).toEqual([0, 255]);
  });

  it("keeps the half of a 32-bit range that both readings allow", () => {
    // Linux 6.18: u32 [0x7fffffff, 0xffffffff] and s32 [-63, 192] leave s32 [-63, -1].
    const u32 = { min: 0x7fff_ffff, max: 0xffff_ffff };
    const x = settle({ ...S.UNKNOWN, u32, s32: { min: -63, max: 192 } });
    expect([x.s32.min, x.s32.max]).toEqual([-63, -1]);
    expect([x.u32.min, x.u32.max]).toEqual([0xffff_ffc1, 0xffff_ffff]);
  });

  it("knows the only value of a range that has the known bits", () => {
    // Linux 6.18 prints R1=17 for the numbers 1, 17, 33 and 49 in [2, 32].
    const bits = { value: W.ONE, mask: W.fromUint32(0x30) };
    const x = settle({ ...S.UNKNOWN, bits, u64: { min: W.fromUint32(2), max: W.fromUint32(32) } });
    expect(S.constantValue(x)).toEqual(W.fromUint32(17));
  });

  it.each([
    // What Linux 6.18 prints where `if r0 <= r0` is not taken, which never happens: R0=1, R0=4 and R0=5.
    [0, 1, 1],
    [0, 4, 4],
    [1, 4, 5],
  ])("takes an end of a range without values: bits %d and perhaps %d", (value, mask, expected) => {
    const number = ofBits({ value: W.fromUint32(value), mask: W.fromUint32(mask) });
    expect(S.constantValue(refineSelf("le", number, 64, false))).toEqual(W.fromUint32(expected));
  });

  it("learns from both operands where a number is compared with itself", () => {
    // Linux 6.18 prints umin=1, umax=0xfffffffffffffffe where `if r1 < r1` is taken, which never happens.
    const x = refineSelf("lt", S.UNKNOWN, 64, true);
    expect([W.toBigInt(x.u64.min), W.toBigInt(x.u64.max)]).toEqual([1n, (1n << 64n) - 2n]);
  });

  it("knows a number that left both sides of a range", () => {
    const [x] = refine("sge", S.UNKNOWN, S.constantOf(-1), 32, true);
    expect(x.s32.min).toBe(-1);
  });
});
