import fc from "fast-check";
import type { Scalar } from "../../src/domain/scalar.js";
import * as S from "../../src/domain/scalar.js";
import { ofBits, ofSigned, ofUnsigned } from "../../src/domain/settle.js";
import * as W from "../../src/domain/word.js";

const BOUNDARIES = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ffffn,
];

/** 64-bit values, near the places where bounds change their meaning as often as not. */
export const value64: fc.Arbitrary<bigint> = fc.oneof(
  fc.constantFrom(...BOUNDARIES),
  fc
    .tuple(fc.constantFrom(...BOUNDARIES), fc.integer({ min: -3, max: 3 }))
    .map(([base, near]) => BigInt.asUintN(64, base + BigInt(near))),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
);

/** A scalar together with a concrete value that it allows. */
export interface Member {
  readonly scalar: Scalar;
  readonly value: bigint;
}

const order = (a: bigint, b: bigint): [bigint, bigint] => (a < b ? [a, b] : [b, a]);

const around: fc.Arbitrary<Member> = fc.tuple(value64, value64).chain(([a, b]) => {
  const [min, max] = order(a, b);
  return fc.bigInt({ min, max }).map((value) => ({ scalar: ofUnsigned(W.fromBigInt(min), W.fromBigInt(max)), value }));
});

const aroundSigned: fc.Arbitrary<Member> = fc.tuple(value64, value64).chain(([a, b]) => {
  const [min, max] = order(BigInt.asIntN(64, a), BigInt.asIntN(64, b));
  return fc
    .bigInt({ min, max })
    .map((value) => ({ scalar: ofSigned(W.fromBigInt(min), W.fromBigInt(max)), value: BigInt.asUintN(64, value) }));
});

const masked: fc.Arbitrary<Member> = fc.tuple(value64, value64).map(([value, mask]) => ({
  scalar: ofBits({ value: W.fromBigInt(value & ~mask & ((1n << 64n) - 1n)), mask: W.fromBigInt(mask) }),
  value,
}));

const exact: fc.Arbitrary<Member> = value64.map((value) => ({ scalar: S.constant(W.fromBigInt(value)), value }));

export const member: fc.Arbitrary<Member> = fc.oneof(around, aroundSigned, masked, exact);
