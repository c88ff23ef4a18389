import fc from "fast-check";

/** Numbers at which something changes: sign bits, word borders, sizes of what programs access. */
const INTERESTING: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 8n, 12n, 15n, 16n, 24n, 31n, 32n, 48n, 63n, 64n, 127n, 128n, 255n, 256n, 511n, 512n],
  ...[7n, 8n, 15n, 16n, 29n, 31n, 32n, 33n, 47n, 62n, 63n].flatMap((bit) => [
    (1n << bit) - 1n,
    1n << bit,
    (1n << bit) + 1n,
  ]),
  0xdead_beefn,
  0x1234_5678_9abc_def0n,
  0xff00_ff00_ff00_ff00n,
];

const BOTH_SIGNS = [...new Set(INTERESTING.flatMap((value) => [value, -value].map((v) => BigInt.asIntN(64, v))))];

const fitsInt32 = (value: bigint): boolean => BigInt.asIntN(32, value) === value;

const BOUNDARY_32 = BOTH_SIGNS.filter(fitsInt32).map(Number);

/** 64-bit numbers, signed; most at a boundary, some anywhere. */
export const constant64 = (): fc.Arbitrary<bigint> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...BOTH_SIGNS) },
    { weight: 2, arbitrary: fc.bigInt({ min: -16n, max: 256n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) },
  );

/** Immediates: signed 32-bit numbers, most at a boundary or small. */
export const constant32 = (): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...BOUNDARY_32) },
    { weight: 4, arbitrary: fc.integer({ min: -16, max: 72 }) },
    { weight: 1, arbitrary: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }) },
  );

/** True with the given chance in percent; shrinks to false. */
export const chance = (percent: number): fc.Arbitrary<boolean> =>
  fc.integer({ min: 0, max: 99 }).map((roll) => roll >= 100 - percent);
