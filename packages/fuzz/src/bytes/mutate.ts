import type { Random } from "./random.js";

/** Bytes that an input may have. */
export const MAX_INPUT = 1 << 16;

/** Integers at which sizes, counts and signs turn. */
const INTERESTING = [
  0n,
  1n,
  2n,
  4n,
  8n,
  15n,
  16n,
  24n,
  64n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  0xffffn,
] as const;
const WIDE = [
  0x10000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff8n,
  0xffff_ffffn,
  1n << 32n,
  (1n << 53n) + 1n,
  1n << 63n,
  -1n,
];

type Mutator = (input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const flipBit: Mutator = (input, random) => {
  const output = input.slice();
  const at = random.below(output.length);
  if (output.length > 0) output[at] = output[at]! ^ (1 << random.below(8));
  return output;
};

const setByte: Mutator = (input, random) => {
  const output = input.slice();
  if (output.length > 0) output[random.below(output.length)] = random.below(256);
  return output;
};

/** Writes an integer of 1 to 8 bytes at a multiple of its size, where formats have their fields, or anywhere. */
const putInteger = (output: Uint8Array, random: Random, value: bigint): void => {
  const size = random.pick([1, 2, 4, 8]);
  if (output.length < size) return;
  const places = output.length - size + 1;
  const aligned = random.below(4) !== 0;
  const at = aligned ? size * random.below(Math.ceil(places / size)) : random.below(places);
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const little = random.below(4) !== 0;
  if (size === 1) view.setUint8(at, Number(BigInt.asUintN(8, value)));
  else if (size === 2) view.setUint16(at, Number(BigInt.asUintN(16, value)), little);
  else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), little);
  else view.setBigUint64(at, BigInt.asUintN(64, value), little);
};

const interestingInteger: Mutator = (input, random) => {
  const output = input.slice();
  putInteger(output, random, random.pick([...INTERESTING, ...WIDE]));
  return output;
};

/** Sizes and offsets are wrong in interesting ways when they are near the input's own length. */
const nearLength: Mutator = (input, random) => {
  const output = input.slice();
  putInteger(output, random, BigInt(input.length + random.below(17) - 8));
  return output;
};

/** Adds a little to a number that is there. */
const addToInteger: Mutator = (input, random) => {
  const output = input.slice();
  const at = 4 * random.below(Math.floor(output.length / 4));
  if (output.length < 4) return output;
  const view = new DataView(output.buffer);
  view.setUint32(at, view.getUint32(at, true) + random.below(33) - 16, true);
  return output;
};

/** Sizes of blocks are mostly small. */
const blockOf = (input: Uint8Array, random: Random): Uint8Array => {
  const start = random.below(input.length);
  return input.subarray(start, start + 1 + random.below(random.pick([4, 16, 64, 1024])));
};

/** A copy of an input with other bytes in place of some. */
export const splice = (input: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array => {
  const output = new Uint8Array(at + added.length + Math.max(0, input.length - at - removed));
  output.set(input.subarray(0, at));
  output.set(added, at);
  output.set(input.subarray(at + removed), at + added.length);
  return output;
};

const deleteBlock: Mutator = (input, random) => {
  const block = blockOf(input, random);
  return splice(input, block.byteOffset - input.byteOffset, block.length, new Uint8Array());
};

const copyOver: Mutator = (input, random) => {
  const block = blockOf(input, random).slice();
  return splice(input, random.below(input.length), block.length, block);
};

const insertBlock: Mutator = (input, random) =>
  splice(input, random.below(input.length + 1), 0, blockOf(input, random).slice());

const insertFromOther: Mutator = (input, random, other) =>
  splice(input, random.below(input.length + 1), random.below(2) * random.below(64), blockOf(other, random).slice());

const truncate: Mutator = (input, random) => input.slice(0, random.below(input.length + 1));

/** The beginning of one input and the end of another. */
const cross: Mutator = (input, random, other) => {
  const from = random.below(other.length);
  return splice(other, 0, from, input.slice(0, random.below(input.length + 1)));
};

const MUTATORS: readonly [Mutator, ...Mutator[]] = [
  flipBit,
  setByte,
  interestingInteger,
  interestingInteger,
  nearLength,
  addToInteger,
  deleteBlock,
  copyOver,
  insertBlock,
  insertFromOther,
  truncate,
  cross,
];

/**
 * A changed copy of an input: one to eight steps, mostly few.
 *
 * @param other another input, of which parts may be taken
 */
export const mutate = (input: Uint8Array, random: Random, other: Uint8Array): Uint8Array => {
  let output = input;
  for (let steps = 1 << random.below(4); steps > 0; steps--) output = random.pick(MUTATORS)(output, random, other);
  return output.length > MAX_INPUT ? output.slice(0, MAX_INPUT) : output;
};
