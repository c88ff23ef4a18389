import type { AttachType } from "../attach-types.js";
import type { ContextField, ContextLayout, ContextValue } from "../context.js";

/*
 * What programs see of their context. Names and offsets are the uapi headers'; which accesses are allowed is stated as
 * facts of Linux 6.18. A row's defaults: a 4-byte number that may be read whole.
 */

const field = (name: string, offset: number, options: Partial<ContextField> = {}): ContextField => ({
  name,
  offset,
  size: options.access ?? 4,
  access: 4,
  value: "scalar",
  readable: true,
  writable: false,
  narrow: false,
  ...options,
});

/** A 4-byte number of which parts may be read, as most of a packet's fields. */
const part = (name: string, offset: number, options: Partial<ContextField> = {}): ContextField =>
  field(name, offset, { narrow: true, ...options });

/** A 4-byte number of which parts may be read, but only from its first byte on. */
const head = (name: string, offset: number, options: Partial<ContextField> = {}): ContextField =>
  field(name, offset, { narrow: "start", ...options });

/** A field that holds a pointer; 8 bytes unless said otherwise. */
const pointer = (name: string, offset: number, value: ContextValue, access: 4 | 8 = 8): ContextField =>
  field(name, offset, { value, access });

/** Consecutive 4-byte numbers from `offset`. */
const words = (offset: number, names: string): ContextField[] =>
  names.split(" ").map((name, index) => field(name, offset + 4 * index));

const SK_BUFF_NAMES =
  "len pkt_type mark queue_mapping protocol vlan_present vlan_tci vlan_proto priority ingress_ifindex ifindex tc_index";

/** What a packet itself says of these fields. */
const HOLDS: Readonly<Record<string, Pick<ContextField, "holds">>> = {
  len: { holds: "packet_length" },
  protocol: { holds: "protocol" },
};

/** Every field of `__sk_buff` as read by a program that may read all of it. */
const SK_BUFF: readonly ContextField[] = [
  ...words(0, SK_BUFF_NAMES).map((row) => ({ ...row, narrow: true, ...HOLDS[row.name] })),
  part("cb", 48, { size: 20, access: 8, writable: true, narrowStore: true }),
  part("hash", 68),
  part("tc_classid", 72),
  pointer("data", 76, "packet", 4),
  pointer("data_end", 80, "packet_end", 4),
  part("napi_id", 84),
  part("family", 88),
  field("remote_ip4", 92),
  field("local_ip4", 96),
  field("remote_ip6", 100, { size: 16 }),
  field("local_ip6", 116, { size: 16 }),
  part("remote_port", 132),
  part("local_port", 136),
  pointer("data_meta", 140, "packet_meta", 4),
  field("tstamp", 152, { access: 8 }),
  part("wire_len", 160, { holds: "wire_length" }),
  part("gso_segs", 164),
  pointer("sk", 168, "sock_common_or_null"),
  part("gso_size", 176),
  field("hwtstamp", 184, { access: 8 }),
];

const FAMILY_FIELDS = ["family", "remote_ip4", "local_ip4", "remote_ip6", "local_ip6", "remote_port", "local_port"];

/** `__sk_buff` without the `hidden` fields, and with the `writable` ones. */
const skBuff = (hidden: readonly string[], writable: readonly string[], more: readonly ContextField[] = []) => ({
  name: "__sk_buff",
  size: 192,
  fields: [
    ...SK_BUFF.filter(({ name }) => !hidden.includes(name)).map((row) => ({
      ...row,
      writable: writable.includes(row.name),
    })),
    ...more,
  ],
});

const LWT_HIDDEN = ["tc_classid", ...FAMILY_FIELDS, "data_meta", "tstamp", "wire_len", "hwtstamp"];

/** Registers and sample of a perf event, or the registers alone; every aligned access is allowed. */
const registers = (fields: readonly ContextField[], name: string, size: number): ContextLayout => ({
  name,
  size,
  fields,
});

/** Memory that is read in aligned pieces of any size. */
const bytes = (name: string, offset: number, size: number): ContextField =>
  field(name, offset, { size, access: 8, narrow: true });

const by = (...attachTypes: AttachType[]): Partial<ContextField> => ({ attachTypes });

const IPV4_ADDRESSED: readonly AttachType[] = [
  "cgroup_inet4_bind",
  "cgroup_inet4_connect",
  "cgroup_inet4_getpeername",
  "cgroup_inet4_getsockname",
  "cgroup_udp4_sendmsg",
  "cgroup_udp4_recvmsg",
];
const IPV6_ADDRESSED: readonly AttachType[] = [
  "cgroup_inet6_bind",
  "cgroup_inet6_connect",
  "cgroup_inet6_getpeername",
  "cgroup_inet6_getsockname",
  "cgroup_udp6_sendmsg",
  "cgroup_udp6_recvmsg",
];

const WHOLE_STORE = { narrow: true, writable: true };
const SOCKET_LIFE: readonly AttachType[] = [
  "cgroup_inet_ingress", // 0, which Linux takes for cgroup_inet_sock_create
  "cgroup_inet_sock_create",
  "cgroup_inet_sock_release",
];

const SOCK_OPS_COUNTERS =
  "family remote_ip4 local_ip4 remote_ip6_0 remote_ip6_1 remote_ip6_2 remote_ip6_3 local_ip6_0 local_ip6_1 local_ip6_2 local_ip6_3 " +
  "remote_port local_port is_fullsock snd_cwnd srtt_us bpf_sock_ops_cb_flags state rtt_min snd_ssthresh rcv_nxt snd_nxt snd_una " +
  "mss_cache ecn_flags rate_delivered rate_interval_us packets_out retrans_out total_retrans segs_in data_segs_in segs_out " +
  "data_segs_out lost_out sacked_out";

const x86Registers = bytes("regs", 0, 168);

/** Layouts by their use. */
export const CONTEXTS = {
  xdp: {
    name: "xdp_md",
    size: 24,
    fields: [
      pointer("data", 0, "packet", 4),
      pointer("data_end", 4, "packet_end", 4),
      pointer("data_meta", 8, "packet_meta", 4),
      field("ingress_ifindex", 12),
      field("rx_queue_index", 16),
      field("egress_ifindex", 20, by("xdp_devmap")),
    ],
  },
  socketFilter: skBuff(
    ["tc_classid", "data", "data_end", ...FAMILY_FIELDS, "data_meta", "tstamp", "wire_len", "hwtstamp"],
    ["cb"],
  ),
  classifier: skBuff(
    FAMILY_FIELDS,
    ["mark", "tc_index", "priority", "tc_classid", "cb", "tstamp", "queue_mapping"],
    [field("tstamp_type", 180, { access: 1 })],
  ),
  cgroupSkb: skBuff(["tc_classid", "data_meta", "wire_len"], ["mark", "priority", "cb", "tstamp"]),
  skSkb: skBuff(["mark", "tc_classid", "data_meta", "tstamp", "wire_len", "hwtstamp"], ["tc_index", "priority"]),
  lightweightTunnel: skBuff(LWT_HIDDEN, ["mark", "priority", "cb"]),
  flowDissector: {
    name: "__sk_buff",
    size: 192,
    fields: [
      pointer("data", 76, "packet", 4),
      pointer("data_end", 80, "packet_end", 4),
      pointer("flow_keys", 144, "flow_keys"),
    ],
  },
  kprobe: registers([x86Registers], "pt_regs", 168),
  tracepoint: registers([bytes("fields", 8, 8184)], "trace_event", 8192),
  rawTracepoint: registers([bytes("args", 0, 96)], "bpf_raw_tracepoint_args", 96),
  writableRawTracepoint: registers(
    [{ ...pointer("buffer", 0, "tp_buffer"), narrow: "behind" }, bytes("args", 8, 88)],
    "bpf_raw_tracepoint_args",
    96,
  ),
  netfilter: {
    name: "bpf_nf_ctx",
    size: 16,
    fields: [pointer("state", 0, "kernel_object"), pointer("skb", 8, "kernel_object")],
  },
  perfEvent: {
    name: "bpf_perf_event_data",
    size: 184,
    fields: [field("regs", 0, { size: 168, access: 8 }), bytes("sample_period", 168, 8), bytes("addr", 176, 8)],
  },
  cgroupSock: {
    name: "bpf_sock",
    size: 80,
    fields: [
      field("bound_dev_if", 0, { writable: true, attachTypes: SOCKET_LIFE }),
      head("family", 4),
      head("type", 8),
      head("protocol", 12),
      field("mark", 16, { writable: true, attachTypes: SOCKET_LIFE }),
      field("priority", 20, { writable: true, attachTypes: SOCKET_LIFE }),
      part("src_ip4", 24, by("cgroup_inet4_post_bind")),
      part("src_ip6", 28, { size: 16, ...by("cgroup_inet6_post_bind") }),
      head("src_port", 44, by("cgroup_inet4_post_bind", "cgroup_inet6_post_bind")),
      field("dst_port", 48, { narrow: "half" }),
      part("dst_ip4", 52),
      part("dst_ip6", 56, { size: 16 }),
      head("state", 72),
      head("rx_queue_mapping", 76),
    ],
  },
  cgroupSockAddr: {
    name: "bpf_sock_addr",
    size: 72,
    fields: [
      field("user_family", 0),
      field("user_ip4", 4, { ...WHOLE_STORE, attachTypes: IPV4_ADDRESSED }),
      field("user_ip6", 8, { size: 16, wide: true, ...WHOLE_STORE, attachTypes: IPV6_ADDRESSED }),
      field("user_port", 24, WHOLE_STORE),
      field("family", 28),
      field("type", 32),
      field("protocol", 36),
      field("msg_src_ip4", 40, { ...WHOLE_STORE, ...by("cgroup_udp4_sendmsg") }),
      field("msg_src_ip6", 44, { size: 16, wide: true, ...WHOLE_STORE, ...by("cgroup_udp6_sendmsg") }),
      pointer("sk", 64, "sock"),
    ],
  },
  sockOps: {
    name: "bpf_sock_ops",
    size: 224,
    fields: [
      field("op", 0),
      field("reply", 4, { writable: true }),
      field("replylong", 8, { size: 12 }),
      ...words(20, SOCK_OPS_COUNTERS),
      field("sk_txhash", 164, { writable: true }),
      field("bytes_received", 168, { access: 8 }),
      field("bytes_acked", 176, { access: 8 }),
      pointer("sk", 184, "sock_or_null"),
      pointer("skb_data", 192, "packet"),
      pointer("skb_data_end", 200, "packet_end"),
      field("skb_len", 208),
      head("skb_tcp_flags", 212),
      field("skb_hwtstamp", 216, { access: 8 }),
    ],
  },
  skMsg: {
    name: "sk_msg_md",
    size: 80,
    fields: [
      pointer("data", 0, "packet"),
      pointer("data_end", 8, "packet_end"),
      field("family", 16),
      field("remote_ip4", 20),
      field("local_ip4", 24),
      field("remote_ip6", 28, { size: 16 }),
      field("local_ip6", 44, { size: 16 }),
      field("remote_port", 60),
      field("local_port", 64),
      field("size", 68),
      pointer("sk", 72, "sock"),
    ],
  },
  skReuseport: {
    name: "sk_reuseport_md",
    size: 56,
    fields: [
      pointer("data", 0, "packet"),
      pointer("data_end", 8, "packet_end"),
      part("len", 16, { holds: "packet_length" }),
      part("eth_protocol", 20, { narrowest: 2 }),
      part("ip_protocol", 24),
      part("bind_inany", 28),
      field("hash", 32),
      pointer("sk", 40, "sock"),
      pointer("migrating_sk", 48, "sock_common_or_null"),
    ],
  },
  skLookup: {
    name: "bpf_sk_lookup",
    size: 72,
    fields: [
      pointer("sk", 0, "sock_or_null"),
      part("family", 8),
      part("protocol", 12),
      part("remote_ip4", 16),
      part("remote_ip6", 20, { size: 16 }),
      part("remote_port", 36),
      part("local_ip4", 40),
      part("local_ip6", 44, { size: 16 }),
      part("local_port", 60),
      part("ingress_ifindex", 64),
    ],
  },
  cgroupDevice: {
    name: "bpf_cgroup_dev_ctx",
    size: 12,
    fields: [part("access_type", 0), field("major", 4), field("minor", 8)],
  },
  cgroupSysctl: {
    name: "bpf_sysctl",
    size: 8,
    fields: [part("write", 0), part("file_pos", 4, { writable: true })],
  },
  cgroupSockopt: {
    name: "bpf_sockopt",
    size: 40,
    fields: [
      pointer("sk", 0, "sock"),
      pointer("optval", 8, "packet"),
      pointer("optval_end", 16, "packet_end"),
      field("level", 24, { writable: true, writableBy: ["cgroup_setsockopt"] }),
      field("optname", 28, { writable: true, writableBy: ["cgroup_setsockopt"] }),
      field("optlen", 32, { writable: true }),
      field("retval", 36, { writable: true, ...by("cgroup_getsockopt") }),
    ],
  },
  syscall: {
    name: "args",
    size: 0xffff,
    fields: [{ ...bytes("args", 0, 0xffff), writable: true, narrowStore: true }],
  },
  lirc: { name: "lirc_mode2_sample", size: 4, fields: [field("sample", 0)] },
} as const satisfies Record<string, ContextLayout>;
