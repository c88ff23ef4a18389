import { CELL, CHECKSUM_FLAGS, ERRNO, SKB_STORE_FLAGS, XDP_REACH } from "@ebpf/runtime";
import { storeCell } from "../run.js";
import type { Code } from "../wasm/code.js";
import { refuseIf } from "./header.js";

/*
 * Helpers on the bytes and the checksums of the packet that the cells describe. Parameters are the words that the
 * implementations of `runtime/helpers/packet.ts` and `checksum.ts` take.
 */

type Write = (code: Code) => void;

const pushCell = (code: Code, address: number): Code => code.i32(0).memory("i32.load", address);
const pushStart = (code: Code): Code => pushCell(code, CELL.packetData);
const pushLength = (code: Code): Code => pushStart(pushCell(code, CELL.packetEnd)).op("i32.sub");

/** Up to so many bytes are copied word by word: a `memory.copy` costs as much as that. */
const FEW_BYTES = 64;

/** Copies `size` bytes between places that don't overlap; all three are locals, and are used up. */
const copyBytes = (code: Code, target: number, source: number, size: number): void => {
  const advance = (width: number): Code => {
    for (const place of [target, source]) code.get(place).i32(width).op("i32.add").set(place);
    return code.get(size).i32(width).op("i32.sub").set(size);
  };
  code.get(size).i32(FEW_BYTES).op("i32.gt_u").open("if");
  code.get(target).get(source).get(size).memoryCopy().op("else");
  const words = code.open("block");
  const nextWord = code.open("loop");
  code.get(size).i32(8).op("i32.lt_u").brIf(words);
  code.get(target).get(source).memory("i64.load").memory("i64.store");
  advance(8).br(nextWord).op("end", "end");
  const bytes = code.open("block");
  const nextByte = code.open("loop");
  code.get(size).op("i32.eqz").brIf(bytes);
  code.get(target).get(source).memory("i32.load8_u").memory("i32.store8");
  advance(1).br(nextByte).op("end", "end", "end");
};

/** Leaves the error for bytes that the packet hasn't. */
type Missing = (code: Code, offset: number, size: number) => void;

const XDP: Missing = (code, offset, size) => {
  code.i32(-ERRNO.EFAULT).i32(-ERRNO.EINVAL);
  code.get(offset).i32(XDP_REACH).op("i32.gt_u").get(size).i32(XDP_REACH).op("i32.gt_u", "i32.or", "select");
};
const SKB: Missing = (code) => {
  code.i32(-ERRNO.EFAULT);
};
/** Zeros stand for the bytes in a buffer that is a parameter. */
const skbZeros = (code: Code, _offset: number, size: number): void => {
  const BUFFER = 2;
  code.get(BUFFER).i32(0).get(size).memoryFill().i32(-ERRNO.EFAULT);
};

/** Replaces an offset in the packet by its address; the packet has to have `size` bytes there. */
const locate = (code: Code, offset: number, size: number, missing: Missing): void => {
  const length = code.local("i32", "length");
  pushLength(code).tee(length).get(size).op("i32.lt_u");
  code.get(offset).get(length).get(size).op("i32.sub", "i32.gt_u", "i32.or").open("if");
  missing(code, offset, size);
  code.op("return", "end");
  pushStart(code).get(offset).op("i32.add").set(offset);
};

/** `(context, offset, target, size)` */
const load =
  (missing: Missing): Write =>
  (code) => {
    const [OFFSET, TARGET, SIZE] = [1, 2, 3] as const;
    locate(code, OFFSET, SIZE, missing);
    copyBytes(code, TARGET, OFFSET, SIZE);
    code.i32(0);
  };

/** `(context, offset, source, size, flags)` */
const store =
  (missing: Missing, refuseFlags: (code: Code, flags: number, flagsHigh: number) => void): Write =>
  (code) => {
    const [OFFSET, SOURCE, SIZE, FLAGS, FLAGS_HIGH] = [1, 2, 3, 4, 5] as const;
    refuseFlags(code, FLAGS, FLAGS_HIGH);
    locate(code, OFFSET, SIZE, missing);
    copyBytes(code, OFFSET, SOURCE, SIZE);
    code.i32(0);
  };

/*
 * Checksums are ones' complement sums of 16 bits (RFC 1071). Their words may be added in any order and width: what counts
 * is the sum modulo 0xffff, and that only the sum of zeros is zero. Sums are 64-bit values until they are folded.
 */

/** Leaves the 16 bits of the sum on the stack. */
const fold = (code: Code): Code => {
  const sum = code.local("i64", "sum");
  const rest = code.local("i32", "rest");
  for (let times = 0; times < 2; times++) {
    code.set(sum).get(sum).i64(-1, 0).op("i64.and").get(sum).i64(32).op("i64.shr_u", "i64.add");
  }
  code.op("i32.wrap_i64");
  for (let times = 0; times < 2; times++) {
    code.tee(rest).i32(0xffff).op("i32.and").get(rest).i32(16).op("i32.shr_u", "i32.add");
  }
  return code;
};

/** The complement of the 16 bits on the stack. */
const complement = (code: Code): Code => code.i32(0xffff).op("i32.xor");
const foldedComplement = (code: Code): Code => complement(fold(code));

/** Leaves the sum of a block, whose address and size are locals and are used up. */
const blockSum = (code: Code, address: number, size: number): void => {
  const sum = code.local("i64", "sum");
  const add = (load: "i64.load32_u" | "i64.load16_u" | "i64.load8_u"): Code =>
    code.get(address).memory(load).get(sum).op("i64.add").set(sum);
  const take = (load: "i64.load32_u" | "i64.load16_u", width: number): Code => {
    add(load).get(address).i32(width).op("i32.add").set(address);
    return code.get(size).i32(width).op("i32.sub").set(size);
  };
  const words = code.open("block");
  const next = code.open("loop");
  code.get(size).i32(4).op("i32.lt_u").brIf(words);
  take("i64.load32_u", 4).br(next).op("end", "end");
  code.get(size).i32(2).op("i32.and").open("if");
  take("i64.load16_u", 2).op("end");
  // An odd byte counts as if a zero followed it.
  code.get(size).open("if");
  add("i64.load8_u").op("end").get(sum);
};

/** `bpf_csum_diff(from, from_size, to, to_size, seed)` */
const difference: Write = (code) => {
  const [FROM, FROM_SIZE, TO, TO_SIZE, SEED] = [0, 1, 2, 3, 4] as const;
  const seedOf = (): Code => code.get(SEED).op("i64.extend_i32_u");
  storeCell(code, CELL.resultHigh, () => code.i32(0));
  code.get(FROM_SIZE).op("i32.eqz").open("if");
  seedOf();
  blockSum(code, TO, TO_SIZE);
  fold(code.op("i64.add")).op("return", "end");
  code.get(TO_SIZE).op("i32.eqz").open("if");
  complement(fold(seedOf())).op("i64.extend_i32_u");
  blockSum(code, FROM, FROM_SIZE);
  foldedComplement(code.op("i64.add")).op("return", "end");
  seedOf();
  blockSum(code, TO, TO_SIZE);
  code.op("i64.add");
  blockSum(code, FROM, FROM_SIZE);
  foldedComplement(code).op("i64.extend_i32_u", "i64.add");
  fold(code);
};

/** Words of `bpf_l3_csum_replace` and `bpf_l4_csum_replace`. */
const REPLACE = { offset: 1, from: 2, fromHigh: 3, to: 4, flags: 6, flagsHigh: 7 } as const;

/** Replaces the offset of a checksum by its address, and leaves the checksum. */
const loadChecksum = (code: Code): void => {
  const { offset } = REPLACE;
  const MAX_OFFSET = 0xffff;
  refuseIf(code.get(offset).i32(MAX_OFFSET).op("i32.gt_u").get(offset).i32(1).op("i32.and", "i32.or"), ERRNO.EFAULT);
  pushStart(code).get(offset).op("i32.add").tee(offset).i32(2).op("i32.add");
  refuseIf(pushCell(code, CELL.packetEnd).op("i32.gt_u"), ERRNO.EFAULT);
  code.get(offset).memory("i32.load16_u");
};

/** What is taken out of a checksum and put in: locals; `removed` is the complement of what was there. */
interface Change {
  readonly old: number;
  readonly removed: number;
}

/** Sets what a change of `size` bytes removes; where `size` is 0, `to` already is the difference of many words. */
const findRemoved = (code: Code, removed: number, size: number): void => {
  const { from, fromHigh, to } = REPLACE;
  code.get(from).i32(-1).op("i32.xor").set(removed);
  code.get(size).op("i32.eqz").open("if");
  refuseIf(code.get(from).get(fromHigh).op("i32.or"), ERRNO.EINVAL);
  code.i32(0).set(removed).op("end");
  code.get(size).i32(2).op("i32.eq").open("if");
  for (const word of [removed, to]) code.get(word).i32(0xffff).op("i32.and").set(word);
  code.op("end");
};

/** Leaves the checksum after a change. `none` is 0, or 0xffff where the sum is never to be zero. */
const pushChanged = (code: Code, { old, removed }: Change, none: 0 | 0xffff): void => {
  complement(code.get(old)).i32(none).op("i32.add", "i64.extend_i32_u");
  for (const word of [removed, REPLACE.to]) code.get(word).op("i64.extend_i32_u", "i64.add");
  foldedComplement(code);
};

/** Refuses a field that is not of 0, 2 or 4 bytes. */
const refuseSize = (code: Code, size: number): void => {
  refuseIf(code.get(size).i32(4).op("i32.gt_u").get(size).i32(1).op("i32.and", "i32.or"), ERRNO.EINVAL);
};

/** `bpf_l3_csum_replace(skb, offset, from, to, flags)` */
const replaceL3: Write = (code) => {
  const { offset, flags, flagsHigh } = REPLACE;
  const change = { old: code.local("i32", "old"), removed: code.local("i32", "removed") };
  refuseIf(code.get(flags).i32(~CHECKSUM_FLAGS.size).op("i32.and").get(flagsHigh).op("i32.or"), ERRNO.EINVAL);
  loadChecksum(code);
  code.set(change.old);
  refuseSize(code, flags);
  findRemoved(code, change.removed, flags);
  code.get(offset).get(flags).i32(2).op("i32.eq").open("if", "i32");
  pushChanged(code, change, 0);
  code.op("else");
  pushChanged(code, change, 0xffff);
  code.op("end").memory("i32.store16").i32(0);
};

/** `bpf_l4_csum_replace(skb, offset, from, to, flags)` */
const replaceL4: Write = (code) => {
  const { offset, flags, flagsHigh } = REPLACE;
  const [size, sum] = [code.local("i32", "size"), code.local("i32", "sum")];
  const change = { old: code.local("i32", "old"), removed: code.local("i32", "removed") };
  refuseIf(code.get(flags).i32(~CHECKSUM_FLAGS.all).op("i32.and").get(flagsHigh).op("i32.or"), ERRNO.EINVAL);
  loadChecksum(code);
  code.set(change.old);
  const optional = (): Code => code.get(flags).i32(CHECKSUM_FLAGS.markMangled0).op("i32.and");
  // A protocol such as UDP says with 0 that there is no checksum.
  code.get(change.old).get(flags).i32(CHECKSUM_FLAGS.markEnforce).op("i32.and", "i32.or", "i32.eqz").open("if");
  optional().open("if");
  code.i32(0).op("return", "end", "end");
  code.get(flags).i32(CHECKSUM_FLAGS.size).op("i32.and").set(size);
  refuseSize(code, size);
  findRemoved(code, change.removed, size);
  pushChanged(code, change, 0xffff);
  code.set(sum).get(offset).i32(0xffff).get(sum);
  optional().i32(0).op("i32.ne").get(sum).op("i32.eqz", "i32.and", "select").memory("i32.store16").i32(0);
};

/** `bpf_skb_pull_data(skb, size)`: all of the packet is always in one piece. */
const pull: Write = (code) => {
  const SIZE = 1;
  refuseIf(pushLength(code.get(SIZE)).op("i32.gt_u"), ERRNO.ENOMEM);
  code.i32(0);
};

/** Helpers on packets that are code. */
export const PACKET_BODIES: Readonly<Record<string, Write>> = {
  bpf_skb_load_bytes: load(skbZeros),
  bpf_skb_store_bytes: store(SKB, (code, flags, high) => {
    refuseIf(code.get(flags).i32(~SKB_STORE_FLAGS).op("i32.and").get(high).op("i32.or"), ERRNO.EINVAL);
  }),
  bpf_xdp_load_bytes: load(XDP),
  bpf_xdp_store_bytes: store(XDP, () => undefined),
  bpf_xdp_get_buff_len: pushLength,
  bpf_skb_pull_data: pull,
  bpf_csum_diff: difference,
  bpf_l3_csum_replace: replaceL3,
  bpf_l4_csum_replace: replaceL4,
};
