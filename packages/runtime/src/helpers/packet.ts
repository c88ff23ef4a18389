import { joinHalves } from "@ebpf/core";
import type { ProgramTypeName } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import { CELL } from "../layout.js";
import type { ProgramHost } from "../program-host.js";
import { type HelperTable, helper } from "./implementation.js";

/** What a helper does when the packet hasn't the bytes that it is asked for. */
interface Missing {
  /** What it returns. */
  readonly error: (offset: number, length: number) => number;
  /** Whether zeros stand for the bytes. */
  readonly zeros: boolean;
}

const SKB: Missing = { error: () => -ERRNO.EFAULT, zeros: true };

/** No packet is longer than that. */
export const XDP_REACH = 0xffff;

/** Flags of `bpf_skb_store_bytes`, which say what else of the packet is to be kept right. Source: Linux's uapi. */
export const SKB_STORE_FLAGS = 0x3;

const XDP: Missing = {
  error: (offset, length) => (offset > XDP_REACH || length > XDP_REACH ? -ERRNO.EFAULT : -ERRNO.EINVAL),
  zeros: false,
};

/** Copies bytes of the packet to the program's memory. */
const load = (missing: Missing) =>
  helper(["pointer", "word", "pointer", "word"], (host) => (_context, offset, target, size) => {
    const { packet, memory } = host.runtime;
    const length = size >>> 0;
    const start = packet.data + (offset >>> 0);
    host.requireWritable(target, length);
    if (start + length > packet.end) {
      if (missing.zeros) memory.bytes.fill(0, target >>> 0, (target >>> 0) + length);
      return missing.error(offset >>> 0, length);
    }
    memory.bytes.copyWithin(target >>> 0, start, start + length);
    return 0;
  });

/** Copies bytes of the program's memory into the packet. */
const store = (missing: Missing, allowedFlags: number) =>
  helper(["pointer", "word", "pointer", "word", "long"], (host) => (_context, offset, source, size, flags, high) => {
    const { packet, memory } = host.runtime;
    const length = size >>> 0;
    const start = packet.data + (offset >>> 0);
    host.requireReadable(source, length);
    if ((flags & ~allowedFlags) !== 0 || (allowedFlags !== -1 && high !== 0)) return -ERRNO.EINVAL;
    if (start + length > packet.end) return missing.error(offset >>> 0, length);
    memory.bytes.copyWithin(start, source >>> 0, (source >>> 0) + length);
    return 0;
  });

/** How a type of program says that its packet goes elsewhere: the return codes, and the flags it may give. */
const REDIRECT_CODES: Readonly<Partial<Record<ProgramTypeName, { done: number; refused: number; flags: number }>>> = {
  xdp: { done: 4, refused: 0, flags: 0 }, // XDP_REDIRECT, XDP_ABORTED
  sched_cls: { done: 7, refused: 2, flags: 1 }, // TC_ACT_REDIRECT, TC_ACT_SHOT, BPF_F_INGRESS
  sched_act: { done: 7, refused: 2, flags: 1 },
  lwt_xmit: { done: 7, refused: 2, flags: 1 },
};

const redirect = (host: ProgramHost, target: number, flags: number, flagsHigh: number): number => {
  const codes = REDIRECT_CODES[host.spec.type] ?? { done: 0, refused: -ERRNO.EINVAL, flags: 0 };
  if ((flags & ~codes.flags) !== 0 || flagsHigh !== 0) return codes.refused;
  host.runtime.packet.redirect = { target: target >>> 0, flags: joinHalves(flags, flagsHigh) };
  return codes.done;
};

const redirectTo = helper(["word", "long"], (host) => (target, flags, high) => redirect(host, target, flags, high));

/** Low bits of the flags: what is returned when the map has no such entry. */
const FALLBACK_ACTION = 0x3;

const redirectThroughMap = helper(["pointer", "long", "long"], (host) => {
  const { runtime } = host;
  return (handle, index, _indexHigh, flags, high) => {
    const map = host.map(handle);
    if ((flags & ~FALLBACK_ACTION) !== 0 || high !== 0) return 0;
    runtime.memory.setCell(CELL.hostKey, index);
    const entry = map.programLookup(CELL.hostKey);
    if (entry === 0) return flags & FALLBACK_ACTION;
    runtime.packet.redirect = { target: index >>> 0, flags: joinHalves(flags, high), map: map.spec.name };
    return REDIRECT_CODES.xdp!.done;
  };
});

const adjust = (move: (host: ProgramHost, delta: number) => number) =>
  helper(["pointer", "word"], (host) => (_context, delta) => move(host, delta));

const noFlags = (flags: number, high: number): boolean => (flags | high) === 0;

/** Helpers that read, write, resize and redirect the packet. */
export const PACKET_HELPERS: HelperTable = {
  bpf_skb_load_bytes: load(SKB),
  bpf_skb_store_bytes: store(SKB, SKB_STORE_FLAGS),
  bpf_xdp_load_bytes: load(XDP),
  bpf_xdp_store_bytes: store(XDP, -1),
  bpf_xdp_adjust_head: adjust(({ runtime }, delta) => runtime.packet.adjustHead(delta)),
  bpf_xdp_adjust_tail: adjust(({ runtime }, delta) => runtime.packet.adjustTail(delta)),
  bpf_xdp_adjust_meta: adjust(({ runtime }, delta) => runtime.packet.adjustMeta(delta)),
  bpf_xdp_get_buff_len: helper(
    ["pointer"],
    ({ runtime: { packet } }) =>
      () =>
        packet.end - packet.data,
  ),
  // All of the packet is always in one piece.
  bpf_skb_pull_data: helper(["pointer", "word"], ({ runtime: { packet } }) => (_context, size) => {
    return size >>> 0 > packet.end - packet.data ? -ERRNO.ENOMEM : 0;
  }),
  bpf_skb_change_tail: helper(["pointer", "word", "long"], ({ runtime: { packet } }) => {
    return (_context, size, flags, high) => {
      if (!noFlags(flags, high)) return -ERRNO.EINVAL;
      return packet.adjustTail((size >>> 0) - (packet.end - packet.data));
    };
  }),
  bpf_skb_change_head: helper(["pointer", "word", "long"], ({ runtime: { packet, memory } }) => {
    return (_context, size, flags, high) => {
      if (!noFlags(flags, high)) return -ERRNO.EINVAL;
      const error = packet.adjustHead(-(size >>> 0));
      if (error === 0) memory.bytes.fill(0, packet.data, packet.data + (size >>> 0));
      return error;
    };
  }),
  bpf_redirect: redirectTo,
  bpf_redirect_peer: redirectTo,
  bpf_redirect_map: redirectThroughMap,
  bpf_clone_redirect: helper(["pointer", "word", "long"], (host) => (_context, target, flags, high) => {
    const codes = REDIRECT_CODES[host.spec.type];
    return redirect(host, target, flags, high) === codes?.done ? 0 : -ERRNO.EINVAL;
  }),
};
