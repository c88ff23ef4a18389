import { ERRNO } from "../errno.js";
import type { ProgramHost } from "../program-host.js";
import { type HelperTable, helper } from "./implementation.js";

/*
 * Checksums of the internet protocols (RFC 1071): 16-bit ones' complement sums. Such a sum does not depend on byte
 * order, so everything is read and written little-endian. A sum that is not zero stays so: its zero is 0xffff.
 */

/** Adds the halves of a number up to 48 bits until 16 remain. */
const fold = (sum: number): number => {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000);
  return rest;
};

const complement = (sum: number): number => ~sum & 0xffff;
/** The sum of a 32-bit word. */
const wordSum = (word: number): number => (word & 0xffff) + (word >>> 16);

const blockSum = (view: DataView, address: number, size: number): number => {
  let sum = 0;
  for (let offset = 0; offset + 1 < size; offset += 2) sum += view.getUint16(address + offset, true);
  // RFC 1071: an odd byte counts as if a zero followed it.
  if (size % 2 !== 0) sum += view.getUint8(address + size - 1);
  return fold(sum);
};

/** Bits of the flags, of which `bpf_l4_csum_replace` knows `all`. Source: Linux's uapi. */
export const CHECKSUM_FLAGS = {
  size: 0xf,
  pseudoHeader: 0x10,
  markMangled0: 0x20,
  markEnforce: 0x40,
  ipv6: 0x80,
  all: 0xff,
} as const;

/** Address of a checksum in the packet, or `undefined` when the packet has no such bytes. */
const checksumAt = ({ runtime }: ProgramHost, offset: number): number | undefined => {
  const address = runtime.packet.data + (offset >>> 0);
  const valid = offset >>> 0 <= 0xffff && offset % 2 === 0 && address + 2 <= runtime.packet.end;
  return valid ? address : undefined;
};

/** The checksum after `from` became `to`; `size` 0 means that `to` is the difference of many words. */
const replace = (old: number, from: number, to: number): number =>
  complement(fold(complement(old) + 0xffff + wordSum(~from) + wordSum(to)));

/** The same for 16-bit words, where a sum may be zero. */
const replaceHalf = (old: number, from: number, to: number): number =>
  complement(fold(fold(complement(old) + complement(from)) + (to & 0xffff)));

const replaceL3 = helper(["pointer", "word", "long", "long", "long"], (host) => {
  const { view } = host.runtime.memory;
  return (_context, offset, from, fromHigh, to, _toHigh, flags, flagsHigh) => {
    if ((flags & ~CHECKSUM_FLAGS.size) !== 0 || flagsHigh !== 0) return -ERRNO.EINVAL;
    const address = checksumAt(host, offset);
    if (address === undefined) return -ERRNO.EFAULT;
    const old = view.getUint16(address, true);
    if (flags === 0 && (from | fromHigh) !== 0) return -ERRNO.EINVAL;
    if (flags === 2) view.setUint16(address, replaceHalf(old, from, to), true);
    else if (flags === 0 || flags === 4) view.setUint16(address, replace(old, flags === 0 ? -1 : from, to), true);
    else return -ERRNO.EINVAL;
    return 0;
  };
});

const replaceL4 = helper(["pointer", "word", "long", "long", "long"], (host) => {
  const { view } = host.runtime.memory;
  return (_context, offset, from, fromHigh, to, _toHigh, flags, flagsHigh) => {
    if ((flags & ~CHECKSUM_FLAGS.all) !== 0 || flagsHigh !== 0) return -ERRNO.EINVAL;
    const address = checksumAt(host, offset);
    if (address === undefined) return -ERRNO.EFAULT;
    const old = view.getUint16(address, true);
    const optional = (flags & CHECKSUM_FLAGS.markMangled0) !== 0;
    // A protocol such as UDP says with 0 that there is no checksum.
    if (optional && (flags & CHECKSUM_FLAGS.markEnforce) === 0 && old === 0) return 0;
    const size = flags & CHECKSUM_FLAGS.size;
    if (![0, 2, 4].includes(size) || (size === 0 && (from | fromHigh) !== 0)) return -ERRNO.EINVAL;
    const half = size === 2 ? 0xffff : -1;
    const sum = replace(old, size === 0 ? -1 : from & half, to & half);
    view.setUint16(address, optional && sum === 0 ? 0xffff : sum, true);
    return 0;
  };
});

const difference = helper(["pointer", "word", "pointer", "word", "word"], (host) => {
  const { runtime } = host;
  const { view } = runtime.memory;
  return (from, fromSize, to, toSize, seed) => {
    host.requireReadable(from, fromSize >>> 0);
    host.requireReadable(to, toSize >>> 0);
    const start = fold(wordSum(seed));
    const removed = blockSum(view, from >>> 0, fromSize >>> 0);
    const added = fold(start + blockSum(view, to >>> 0, toSize >>> 0));
    if (fromSize === 0) return runtime.returnLong(added, 0);
    if (toSize === 0) return runtime.returnLong(complement(fold(complement(start) + removed)), 0);
    return runtime.returnLong(fold(added + complement(removed)), 0);
  };
});

/** Helpers that keep checksums right. */
export const CHECKSUM_HELPERS: HelperTable = {
  bpf_l3_csum_replace: replaceL3,
  bpf_l4_csum_replace: replaceL4,
  bpf_csum_diff: difference,
};
