import type { ProgramTypeName } from "../program-types.js";

/** Names of return values, by the signed 32-bit value. */
type Names = Readonly<Record<number, string>>;

const TC_ACTIONS: Names = {
  [-1]: "TC_ACT_UNSPEC",
  0: "TC_ACT_OK",
  1: "TC_ACT_RECLASSIFY",
  2: "TC_ACT_SHOT",
  3: "TC_ACT_PIPE",
  4: "TC_ACT_STOLEN",
  5: "TC_ACT_QUEUED",
  6: "TC_ACT_REPEAT",
  7: "TC_ACT_REDIRECT",
  8: "TC_ACT_TRAP",
};

const SOCKET_ACTIONS: Names = { 0: "SK_DROP", 1: "SK_PASS" };

const TUNNEL_ACTIONS: Names = { 0: "BPF_OK", 2: "BPF_DROP", 7: "BPF_REDIRECT", 128: "BPF_LWT_REROUTE" };

/** What the return values of a program type are called. Source: Linux's uapi headers bpf.h and pkt_cls.h. */
export const RETURN_NAMES: Readonly<Partial<Record<ProgramTypeName, Names>>> = {
  xdp: { 0: "XDP_ABORTED", 1: "XDP_DROP", 2: "XDP_PASS", 3: "XDP_TX", 4: "XDP_REDIRECT" },
  sched_cls: TC_ACTIONS,
  sched_act: TC_ACTIONS,
  sk_skb: SOCKET_ACTIONS,
  sk_msg: SOCKET_ACTIONS,
  sk_reuseport: SOCKET_ACTIONS,
  sk_lookup: SOCKET_ACTIONS,
  lwt_in: TUNNEL_ACTIONS,
  lwt_out: TUNNEL_ACTIONS,
  lwt_xmit: TUNNEL_ACTIONS,
};
