import type { ExitRule, ProgramTypeRules } from "../platform.js";
import type { LinuxProgramType } from "../program-types.js";
import { ADDRESS_REPORTS } from "./attach-groups.js";
import { CONTEXTS } from "./contexts.js";

const BOOLEAN: readonly ExitRule[] = [{ range: [0, 1] }];

const classifier: ProgramTypeRules = {
  context: CONTEXTS.classifier,
  packetReadable: true,
  packetWritable: true,
  legacyPacketLoads: true,
};

const tunnel: ProgramTypeRules = { context: CONTEXTS.lightweightTunnel, packetReadable: true };

/** The rules of Linux 6.18 by program type. Types that are missing need the kernel's own types and are not modelled. */
export const PROGRAM_TYPE_RULES: Readonly<Partial<Record<LinuxProgramType, ProgramTypeRules>>> = {
  socket_filter: { context: CONTEXTS.socketFilter, legacyPacketLoads: true },
  kprobe: {
    sleepable: true,
    context: CONTEXTS.kprobe,
    tracing: true,
    privateStack: true,
    exit: [{ attachTypes: ["trace_kprobe_session", "trace_uprobe_session"], range: [0, 1] }],
  },
  sched_cls: classifier,
  sched_act: classifier,
  tracepoint: { context: CONTEXTS.tracepoint, tracing: true, privateStack: true },
  xdp: { context: CONTEXTS.xdp, packetReadable: true, packetWritable: true },
  perf_event: { context: CONTEXTS.perfEvent, tracing: true, privateStack: true },
  cgroup_skb: {
    context: CONTEXTS.cgroupSkb,
    packetReadable: true,
    exit: [{ attachTypes: ["cgroup_inet_egress"], range: [0, 3] }, { range: [0, 1] }],
    attachTypes: ["cgroup_inet_ingress", "cgroup_inet_egress"],
  },
  cgroup_sock: {
    context: CONTEXTS.cgroupSock,
    exit: BOOLEAN,
    attachTypes: [
      "cgroup_inet_ingress", // 0, which Linux takes for cgroup_inet_sock_create
      "cgroup_inet_sock_create",
      "cgroup_inet_sock_release",
      "cgroup_inet4_post_bind",
      "cgroup_inet6_post_bind",
    ],
  },
  lwt_in: tunnel,
  lwt_out: tunnel,
  lwt_xmit: { ...tunnel, packetWritable: true },
  sock_ops: { context: CONTEXTS.sockOps, exit: BOOLEAN },
  sk_skb: { context: CONTEXTS.skSkb, packetReadable: true, packetWritable: true },
  cgroup_device: { context: CONTEXTS.cgroupDevice, exit: BOOLEAN },
  sk_msg: { context: CONTEXTS.skMsg, packetReadable: true, packetWritable: true },
  raw_tracepoint: { context: CONTEXTS.rawTracepoint, tracing: true, privateStack: true },
  cgroup_sock_addr: {
    context: CONTEXTS.cgroupSockAddr,
    attachTypes: [
      "cgroup_inet4_bind",
      "cgroup_inet6_bind",
      "cgroup_inet4_connect",
      "cgroup_inet6_connect",
      "cgroup_unix_connect",
      "cgroup_udp4_sendmsg",
      "cgroup_udp6_sendmsg",
      "cgroup_unix_sendmsg",
      ...ADDRESS_REPORTS,
    ],
    exit: [
      { attachTypes: ADDRESS_REPORTS, range: [1, 1] },
      { attachTypes: ["cgroup_inet4_bind", "cgroup_inet6_bind"], range: [0, 3] },
      { range: [0, 1] },
    ],
  },
  lwt_seg6local: tunnel,
  lirc_mode2: { context: CONTEXTS.lirc },
  sk_reuseport: {
    context: CONTEXTS.skReuseport,
    packetReadable: true,
    attachTypes: ["cgroup_inet_ingress", "sk_reuseport_select", "sk_reuseport_select_or_migrate"],
  },
  flow_dissector: { context: CONTEXTS.flowDissector, packetReadable: true },
  cgroup_sysctl: { context: CONTEXTS.cgroupSysctl, exit: BOOLEAN },
  cgroup_sockopt: {
    context: CONTEXTS.cgroupSockopt,
    packetReadable: true,
    packetWritable: true,
    packetArguments: true,
    exit: BOOLEAN,
    attachTypes: ["cgroup_getsockopt", "cgroup_setsockopt"],
  },
  syscall: { context: CONTEXTS.syscall, sleepable: "always", attachTypes: ["cgroup_inet_ingress"] },
  raw_tracepoint_writable: {
    context: CONTEXTS.writableRawTracepoint,
    tracing: true,
  },
  netfilter: { context: CONTEXTS.netfilter, exit: BOOLEAN, attachTypes: ["netfilter"] },
  sk_lookup: { context: CONTEXTS.skLookup, exit: BOOLEAN, attachTypes: ["sk_lookup"] },
};
