import type { AluOperation, AluOperator, Width } from "@ebpf/asm";
import { joinHalves, joinHalvesSigned, multiplyHighHalf } from "@ebpf/core";
import type { Cells, Step } from "./step.js";

/** Makes the step for destination pair `d` and source pair `s`, which may be the same. `bits` as in the operation. */
type Build = (r: Cells, d: number, s: number, next: number, bits: number) => Step;

/** Writes a 64-bit result. */
const setPair = (r: Cells, d: number, value: bigint): void => {
  r[d] = Number(BigInt.asIntN(32, value));
  r[d + 1] = Number(BigInt.asIntN(32, value >> 32n));
};

const unsigned = (r: Cells, pair: number): bigint => joinHalves(r[pair]!, r[pair + 1]!);
const signed = (r: Cells, pair: number): bigint => joinHalvesSigned(r[pair]!, r[pair + 1]!);

const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
const swap32 = (value: number): number => (swap16(value) << 16) | swap16(value >>> 16);

/** Keeps the low bits as they are: what `le` does on a little-endian machine. */
const truncate: Build = (r, d, _s, next, bits) => {
  if (bits === 64) return () => next;
  const mask = bits === 16 ? 0xffff : -1;
  return () => {
    r[d] = r[d]! & mask;
    r[d + 1] = 0;
    return next;
  };
};

const swap: Build = (r, d, _s, next, bits) => {
  if (bits === 64) {
    return () => {
      const low = r[d]!;
      r[d] = swap32(r[d + 1]!);
      r[d + 1] = swap32(low);
      return next;
    };
  }
  const swapLow = bits === 16 ? swap16 : swap32;
  return () => {
    r[d] = swapLow(r[d]!);
    r[d + 1] = 0;
    return next;
  };
};

const zeroExtendedMove: Build = (r, d, s, next) => () => {
  r[d] = r[s]!;
  r[d + 1] = 0;
  return next;
};

const ALU64: Readonly<Record<AluOperator, Build>> = {
  add: (r, d, s, next) => () => {
    const a = r[d]!;
    const low = (a + r[s]!) | 0;
    r[d + 1] = r[d + 1]! + r[s + 1]! + (low >>> 0 < a >>> 0 ? 1 : 0);
    r[d] = low;
    return next;
  },
  sub: (r, d, s, next) => () => {
    const a = r[d]!;
    const b = r[s]!;
    r[d + 1] = r[d + 1]! - r[s + 1]! - (a >>> 0 < b >>> 0 ? 1 : 0);
    r[d] = a - b;
    return next;
  },
  mul: (r, d, s, next) => () => {
    const a = r[d]!;
    const b = r[s]!;
    r[d + 1] = multiplyHighHalf(a, r[d + 1]!, b, r[s + 1]!);
    r[d] = Math.imul(a, b);
    return next;
  },
  div: (r, d, s, next) => () => {
    if ((r[d + 1]! | r[s + 1]!) === 0) {
      const divisor = r[s]! >>> 0;
      r[d] = divisor === 0 ? 0 : Math.floor((r[d]! >>> 0) / divisor) | 0;
    } else {
      const divisor = unsigned(r, s);
      setPair(r, d, divisor === 0n ? 0n : unsigned(r, d) / divisor);
    }
    return next;
  },
  sdiv: (r, d, s, next) => () => {
    const divisor = signed(r, s);
    setPair(r, d, divisor === 0n ? 0n : signed(r, d) / divisor);
    return next;
  },
  mod: (r, d, s, next) => () => {
    if ((r[d + 1]! | r[s + 1]!) === 0) {
      const divisor = r[s]! >>> 0;
      if (divisor !== 0) r[d] = ((r[d]! >>> 0) % divisor) | 0;
    } else {
      const divisor = unsigned(r, s);
      if (divisor !== 0n) setPair(r, d, unsigned(r, d) % divisor);
    }
    return next;
  },
  smod: (r, d, s, next) => () => {
    const divisor = signed(r, s);
    if (divisor !== 0n) setPair(r, d, signed(r, d) % divisor);
    return next;
  },
  or: (r, d, s, next) => () => {
    r[d] = r[d]! | r[s]!;
    r[d + 1] = r[d + 1]! | r[s + 1]!;
    return next;
  },
  and: (r, d, s, next) => () => {
    r[d] = r[d]! & r[s]!;
    r[d + 1] = r[d + 1]! & r[s + 1]!;
    return next;
  },
  xor: (r, d, s, next) => () => {
    r[d] = r[d]! ^ r[s]!;
    r[d + 1] = r[d + 1]! ^ r[s + 1]!;
    return next;
  },
  lsh: (r, d, s, next) => () => {
    const count = r[s]! & 63;
    const low = r[d]!;
    if (count >= 32) {
      r[d + 1] = low << count;
      r[d] = 0;
    } else if (count !== 0) {
      r[d + 1] = (r[d + 1]! << count) | (low >>> (32 - count));
      r[d] = low << count;
    }
    return next;
  },
  rsh: (r, d, s, next) => () => {
    const count = r[s]! & 63;
    const high = r[d + 1]!;
    if (count >= 32) {
      r[d] = high >>> count;
      r[d + 1] = 0;
    } else if (count !== 0) {
      r[d] = (r[d]! >>> count) | (high << (32 - count));
      r[d + 1] = high >>> count;
    }
    return next;
  },
  arsh: (r, d, s, next) => () => {
    const count = r[s]! & 63;
    const high = r[d + 1]!;
    if (count >= 32) {
      r[d] = high >> count;
      r[d + 1] = high >> 31;
    } else if (count !== 0) {
      r[d] = (r[d]! >>> count) | (high << (32 - count));
      r[d + 1] = high >> count;
    }
    return next;
  },
  neg: (r, d, _s, next) => () => {
    const low = r[d]!;
    r[d] = -low;
    r[d + 1] = low === 0 ? -r[d + 1]! : ~r[d + 1]!;
    return next;
  },
  mov: (r, d, s, next) => () => {
    r[d] = r[s]!;
    r[d + 1] = r[s + 1]!;
    return next;
  },
  movsx: (r, d, s, next, bits) => {
    const unused = 32 - bits;
    return () => {
      const low = (r[s]! << unused) >> unused;
      r[d] = low;
      r[d + 1] = low >> 31;
      return next;
    };
  },
  le: truncate,
  be: swap,
  bswap: swap,
  // An address in another space is the same 32-bit address: there is one memory.
  addr_space_cast: zeroExtendedMove,
};

/** Every 32-bit operation clears the high half of its destination. */
const ALU32: Readonly<Record<AluOperator, Build>> = {
  add: (r, d, s, next) => () => {
    r[d] = r[d]! + r[s]!;
    r[d + 1] = 0;
    return next;
  },
  sub: (r, d, s, next) => () => {
    r[d] = r[d]! - r[s]!;
    r[d + 1] = 0;
    return next;
  },
  mul: (r, d, s, next) => () => {
    r[d] = Math.imul(r[d]!, r[s]!);
    r[d + 1] = 0;
    return next;
  },
  div: (r, d, s, next) => () => {
    const divisor = r[s]! >>> 0;
    r[d] = divisor === 0 ? 0 : Math.floor((r[d]! >>> 0) / divisor) | 0;
    r[d + 1] = 0;
    return next;
  },
  sdiv: (r, d, s, next) => () => {
    const divisor = r[s]!;
    r[d] = divisor === 0 ? 0 : (r[d]! / divisor) | 0;
    r[d + 1] = 0;
    return next;
  },
  mod: (r, d, s, next) => () => {
    const divisor = r[s]! >>> 0;
    if (divisor !== 0) r[d] = ((r[d]! >>> 0) % divisor) | 0;
    r[d + 1] = 0;
    return next;
  },
  smod: (r, d, s, next) => () => {
    const divisor = r[s]!;
    if (divisor !== 0) r[d] = (r[d]! % divisor) | 0;
    r[d + 1] = 0;
    return next;
  },
  or: (r, d, s, next) => () => {
    r[d] = r[d]! | r[s]!;
    r[d + 1] = 0;
    return next;
  },
  and: (r, d, s, next) => () => {
    r[d] = r[d]! & r[s]!;
    r[d + 1] = 0;
    return next;
  },
  xor: (r, d, s, next) => () => {
    r[d] = r[d]! ^ r[s]!;
    r[d + 1] = 0;
    return next;
  },
  lsh: (r, d, s, next) => () => {
    r[d] = r[d]! << r[s]!;
    r[d + 1] = 0;
    return next;
  },
  rsh: (r, d, s, next) => () => {
    r[d] = r[d]! >>> r[s]!;
    r[d + 1] = 0;
    return next;
  },
  arsh: (r, d, s, next) => () => {
    r[d] = r[d]! >> r[s]!;
    r[d + 1] = 0;
    return next;
  },
  neg: (r, d, _s, next) => () => {
    r[d] = -r[d]!;
    r[d + 1] = 0;
    return next;
  },
  mov: zeroExtendedMove,
  movsx: (r, d, s, next, bits) => {
    const unused = 32 - bits;
    return () => {
      r[d] = (r[s]! << unused) >> unused;
      r[d + 1] = 0;
      return next;
    };
  },
  le: truncate,
  be: swap,
  bswap: swap,
  addr_space_cast: zeroExtendedMove,
};

const BY_WIDTH: Readonly<Record<Width, Readonly<Record<AluOperator, Build>>>> = { 32: ALU32, 64: ALU64 };

/** RFC 9669 §4.1 and §4.2: arithmetic, moves and byte swaps. */
export const aluStep = (op: AluOperation, r: Cells, d: number, s: number, next: number): Step =>
  BY_WIDTH[op.width][op.operator](r, d, s, next, op.bits ?? op.width);
