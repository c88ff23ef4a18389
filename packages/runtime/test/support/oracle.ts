import type { AluOperation, JumpOperation } from "@ebpf/asm";

/*
 * RFC 9669 §4 in bigints, written from its text. Values are unsigned 64-bit.
 */

const signed = (bits: number, value: bigint): bigint => BigInt.asIntN(bits, value);
const unsigned = (bits: number, value: bigint): bigint => BigInt.asUintN(bits, value);

/** Reverses the low bytes. */
const reverse = (bits: number, value: bigint): bigint => {
  let result = 0n;
  for (let shift = 0; shift < bits; shift += 8) result = (result << 8n) | ((value >> BigInt(shift)) & 0xffn);
  return result;
};

/** What an operation leaves in its destination. */
export const evaluateAlu = (op: AluOperation, destination: bigint, source: bigint): bigint => {
  const { width } = op;
  const bits = op.bits ?? width;
  const a = unsigned(width, destination);
  const b = unsigned(width, source);
  const sa = signed(width, a);
  const sb = signed(width, b);
  const count = b & BigInt(width - 1);
  const result = ((): bigint => {
    switch (op.operator) {
      case "add":
        return a + b;
      case "sub":
        return a - b;
      case "mul":
        return a * b;
      case "div":
        return b === 0n ? 0n : a / b;
      case "sdiv":
        return b === 0n ? 0n : sa / sb;
      case "mod":
        return b === 0n ? a : a % b;
      case "smod":
        return b === 0n ? a : sa % sb;
      case "or":
        return a | b;
      case "and":
        return a & b;
      case "xor":
        return a ^ b;
      case "lsh":
        return a << count;
      case "rsh":
        return a >> count;
      case "arsh":
        return sa >> count;
      case "neg":
        return -a;
      case "mov":
        return b;
      case "movsx":
        return signed(bits, source);
      case "le":
        return unsigned(bits, destination);
      case "be":
      case "bswap":
        return reverse(bits, destination);
      case "addr_space_cast":
        return unsigned(32, source);
    }
  })();
  return unsigned(width, result);
};

/** Whether a conditional jump is taken. */
export const evaluateJump = (op: JumpOperation, destination: bigint, source: bigint): boolean => {
  const a = unsigned(op.width, destination);
  const b = unsigned(op.width, source);
  const sa = signed(op.width, a);
  const sb = signed(op.width, b);
  switch (op.operator) {
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    case "gt":
      return a > b;
    case "ge":
      return a >= b;
    case "lt":
      return a < b;
    case "le":
      return a <= b;
    case "sgt":
      return sa > sb;
    case "sge":
      return sa >= sb;
    case "slt":
      return sa < sb;
    case "sle":
      return sa <= sb;
    case "set":
      return (a & b) !== 0n;
    default:
      throw new Error(`${op.operator} is no comparison`);
  }
};

/** Values where carries, signs and widths change. */
export const BOUNDARIES: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  33n,
  63n,
  64n,
  0x7fn,
  0x80n,
  0x8000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1122_3344_5566_7788n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0x8000_0000_8000_0000n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ffffn,
];
