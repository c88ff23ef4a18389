import type { AttachType } from "./attach-types.js";
import type { ProgramTypeName } from "./program-types.js";

/** What the name of an ELF section says of the programs in it. */
export interface SectionRule {
  /** The section's name up to the target. */
  readonly section: string;
  readonly programType: ProgramTypeName;
  readonly attachType?: AttachType;
  /**
   * Whether a target may follow after a slash: the `name` of a kernel function, tracepoint or symbol, or the name of a
   * kernel function or type that the loader looks up in the kernel's BTF. Without it the section's name is exact.
   */
  readonly target?: "name" | "btf";
  readonly sleepable?: true;
  /** XDP programs that accept packets in several buffers. */
  readonly frags?: true;
}

/** The section names that loaders agree on: the 116 of libbpf 1.8. Source: its documentation, "Program Types and ELF Sections". */
export const SECTION_RULES: readonly SectionRule[] = [
  { section: "socket", programType: "socket_filter" },
  { section: "sk_reuseport/migrate", programType: "sk_reuseport", attachType: "sk_reuseport_select_or_migrate" },
  { section: "sk_reuseport", programType: "sk_reuseport", attachType: "sk_reuseport_select" },
  { section: "kprobe", programType: "kprobe", target: "name" },
  { section: "uprobe", programType: "kprobe", target: "name" },
  { section: "uprobe.s", programType: "kprobe", sleepable: true, target: "name" },
  { section: "kretprobe", programType: "kprobe", target: "name" },
  { section: "uretprobe", programType: "kprobe", target: "name" },
  { section: "uretprobe.s", programType: "kprobe", sleepable: true, target: "name" },
  { section: "kprobe.multi", programType: "kprobe", attachType: "trace_kprobe_multi", target: "name" },
  { section: "kretprobe.multi", programType: "kprobe", attachType: "trace_kprobe_multi", target: "name" },
  { section: "kprobe.session", programType: "kprobe", attachType: "trace_kprobe_session", target: "name" },
  { section: "uprobe.multi", programType: "kprobe", attachType: "trace_uprobe_multi", target: "name" },
  { section: "uretprobe.multi", programType: "kprobe", attachType: "trace_uprobe_multi", target: "name" },
  {
    section: "uprobe.multi.s",
    programType: "kprobe",
    attachType: "trace_uprobe_multi",
    sleepable: true,
    target: "name",
  },
  {
    section: "uretprobe.multi.s",
    programType: "kprobe",
    attachType: "trace_uprobe_multi",
    sleepable: true,
    target: "name",
  },
  { section: "ksyscall", programType: "kprobe", target: "name" },
  { section: "kretsyscall", programType: "kprobe", target: "name" },
  { section: "usdt", programType: "kprobe", target: "name" },
  { section: "usdt.s", programType: "kprobe", sleepable: true, target: "name" },
  { section: "tc/ingress", programType: "sched_cls", attachType: "tcx_ingress" },
  { section: "tc/egress", programType: "sched_cls", attachType: "tcx_egress" },
  { section: "tcx/ingress", programType: "sched_cls", attachType: "tcx_ingress" },
  { section: "tcx/egress", programType: "sched_cls", attachType: "tcx_egress" },
  { section: "tc", programType: "sched_cls" },
  { section: "classifier", programType: "sched_cls" },
  { section: "action", programType: "sched_act" },
  { section: "netkit/primary", programType: "sched_cls", attachType: "netkit_primary" },
  { section: "netkit/peer", programType: "sched_cls", attachType: "netkit_peer" },
  { section: "tracepoint", programType: "tracepoint", target: "name" },
  { section: "tp", programType: "tracepoint", target: "name" },
  { section: "tracepoint.s", programType: "tracepoint", sleepable: true, target: "name" },
  { section: "tp.s", programType: "tracepoint", sleepable: true, target: "name" },
  { section: "raw_tracepoint", programType: "raw_tracepoint", target: "name" },
  { section: "raw_tp", programType: "raw_tracepoint", target: "name" },
  { section: "raw_tracepoint.s", programType: "raw_tracepoint", sleepable: true, target: "name" },
  { section: "raw_tp.s", programType: "raw_tracepoint", sleepable: true, target: "name" },
  { section: "raw_tracepoint.w", programType: "raw_tracepoint_writable", target: "name" },
  { section: "raw_tp.w", programType: "raw_tracepoint_writable", target: "name" },
  { section: "tp_btf", programType: "tracing", attachType: "trace_raw_tp", target: "btf" },
  { section: "tp_btf.s", programType: "tracing", attachType: "trace_raw_tp", sleepable: true, target: "btf" },
  { section: "fentry", programType: "tracing", attachType: "trace_fentry", target: "btf" },
  { section: "fmod_ret", programType: "tracing", attachType: "modify_return", target: "btf" },
  { section: "fexit", programType: "tracing", attachType: "trace_fexit", target: "btf" },
  { section: "fentry.s", programType: "tracing", attachType: "trace_fentry", sleepable: true, target: "btf" },
  { section: "fmod_ret.s", programType: "tracing", attachType: "modify_return", sleepable: true, target: "btf" },
  { section: "fexit.s", programType: "tracing", attachType: "trace_fexit", sleepable: true, target: "btf" },
  { section: "fsession", programType: "tracing", attachType: "trace_fsession", target: "btf" },
  { section: "fsession.s", programType: "tracing", attachType: "trace_fsession", sleepable: true, target: "btf" },
  { section: "fentry.multi", programType: "tracing", attachType: "trace_fentry_multi", target: "name" },
  {
    section: "fentry.multi.s",
    programType: "tracing",
    attachType: "trace_fentry_multi",
    sleepable: true,
    target: "name",
  },
  { section: "fexit.multi", programType: "tracing", attachType: "trace_fexit_multi", target: "name" },
  {
    section: "fexit.multi.s",
    programType: "tracing",
    attachType: "trace_fexit_multi",
    sleepable: true,
    target: "name",
  },
  { section: "fsession.multi", programType: "tracing", attachType: "trace_fsession_multi", target: "name" },
  {
    section: "fsession.multi.s",
    programType: "tracing",
    attachType: "trace_fsession_multi",
    sleepable: true,
    target: "name",
  },
  { section: "freplace", programType: "ext", target: "btf" },
  { section: "lsm", programType: "lsm", attachType: "lsm_mac", target: "btf" },
  { section: "lsm.s", programType: "lsm", attachType: "lsm_mac", sleepable: true, target: "btf" },
  { section: "lsm_cgroup", programType: "lsm", attachType: "lsm_cgroup", target: "btf" },
  { section: "iter", programType: "tracing", attachType: "trace_iter", target: "btf" },
  { section: "iter.s", programType: "tracing", attachType: "trace_iter", sleepable: true, target: "btf" },
  { section: "syscall", programType: "syscall", sleepable: true },
  { section: "xdp.frags/devmap", programType: "xdp", attachType: "xdp_devmap", frags: true },
  { section: "xdp/devmap", programType: "xdp", attachType: "xdp_devmap" },
  { section: "xdp.frags/cpumap", programType: "xdp", attachType: "xdp_cpumap", frags: true },
  { section: "xdp/cpumap", programType: "xdp", attachType: "xdp_cpumap" },
  { section: "xdp.frags", programType: "xdp", attachType: "xdp", frags: true },
  { section: "xdp", programType: "xdp", attachType: "xdp" },
  { section: "perf_event", programType: "perf_event" },
  { section: "lwt_in", programType: "lwt_in" },
  { section: "lwt_out", programType: "lwt_out" },
  { section: "lwt_xmit", programType: "lwt_xmit" },
  { section: "lwt_seg6local", programType: "lwt_seg6local" },
  { section: "sockops", programType: "sock_ops", attachType: "cgroup_sock_ops" },
  { section: "sk_skb/stream_parser", programType: "sk_skb", attachType: "sk_skb_stream_parser" },
  { section: "sk_skb/stream_verdict", programType: "sk_skb", attachType: "sk_skb_stream_verdict" },
  { section: "sk_skb/verdict", programType: "sk_skb", attachType: "sk_skb_verdict" },
  { section: "sk_skb", programType: "sk_skb" },
  { section: "sk_msg", programType: "sk_msg", attachType: "sk_msg_verdict" },
  { section: "lirc_mode2", programType: "lirc_mode2", attachType: "lirc_mode2" },
  { section: "flow_dissector", programType: "flow_dissector", attachType: "flow_dissector" },
  { section: "cgroup_skb/ingress", programType: "cgroup_skb", attachType: "cgroup_inet_ingress" },
  { section: "cgroup_skb/egress", programType: "cgroup_skb", attachType: "cgroup_inet_egress" },
  { section: "cgroup/skb", programType: "cgroup_skb" },
  { section: "cgroup/sock_create", programType: "cgroup_sock", attachType: "cgroup_inet_sock_create" },
  { section: "cgroup/sock_release", programType: "cgroup_sock", attachType: "cgroup_inet_sock_release" },
  { section: "cgroup/sock", programType: "cgroup_sock", attachType: "cgroup_inet_sock_create" },
  { section: "cgroup/post_bind4", programType: "cgroup_sock", attachType: "cgroup_inet4_post_bind" },
  { section: "cgroup/post_bind6", programType: "cgroup_sock", attachType: "cgroup_inet6_post_bind" },
  { section: "cgroup/bind4", programType: "cgroup_sock_addr", attachType: "cgroup_inet4_bind" },
  { section: "cgroup/bind6", programType: "cgroup_sock_addr", attachType: "cgroup_inet6_bind" },
  { section: "cgroup/connect4", programType: "cgroup_sock_addr", attachType: "cgroup_inet4_connect" },
  { section: "cgroup/connect6", programType: "cgroup_sock_addr", attachType: "cgroup_inet6_connect" },
  { section: "cgroup/connect_unix", programType: "cgroup_sock_addr", attachType: "cgroup_unix_connect" },
  { section: "cgroup/sendmsg4", programType: "cgroup_sock_addr", attachType: "cgroup_udp4_sendmsg" },
  { section: "cgroup/sendmsg6", programType: "cgroup_sock_addr", attachType: "cgroup_udp6_sendmsg" },
  { section: "cgroup/sendmsg_unix", programType: "cgroup_sock_addr", attachType: "cgroup_unix_sendmsg" },
  { section: "cgroup/recvmsg4", programType: "cgroup_sock_addr", attachType: "cgroup_udp4_recvmsg" },
  { section: "cgroup/recvmsg6", programType: "cgroup_sock_addr", attachType: "cgroup_udp6_recvmsg" },
  { section: "cgroup/recvmsg_unix", programType: "cgroup_sock_addr", attachType: "cgroup_unix_recvmsg" },
  { section: "cgroup/getpeername4", programType: "cgroup_sock_addr", attachType: "cgroup_inet4_getpeername" },
  { section: "cgroup/getpeername6", programType: "cgroup_sock_addr", attachType: "cgroup_inet6_getpeername" },
  { section: "cgroup/getpeername_unix", programType: "cgroup_sock_addr", attachType: "cgroup_unix_getpeername" },
  { section: "cgroup/getsockname4", programType: "cgroup_sock_addr", attachType: "cgroup_inet4_getsockname" },
  { section: "cgroup/getsockname6", programType: "cgroup_sock_addr", attachType: "cgroup_inet6_getsockname" },
  { section: "cgroup/getsockname_unix", programType: "cgroup_sock_addr", attachType: "cgroup_unix_getsockname" },
  { section: "cgroup/sysctl", programType: "cgroup_sysctl", attachType: "cgroup_sysctl" },
  { section: "cgroup/getsockopt", programType: "cgroup_sockopt", attachType: "cgroup_getsockopt" },
  { section: "cgroup/setsockopt", programType: "cgroup_sockopt", attachType: "cgroup_setsockopt" },
  { section: "cgroup/dev", programType: "cgroup_device", attachType: "cgroup_device" },
  { section: "struct_ops", programType: "struct_ops", target: "name" },
  { section: "struct_ops.s", programType: "struct_ops", sleepable: true, target: "name" },
  { section: "sk_lookup", programType: "sk_lookup", attachType: "sk_lookup" },
  { section: "netfilter", programType: "netfilter", attachType: "netfilter" },
  { section: "uprobe.session", programType: "kprobe", attachType: "trace_uprobe_session", target: "name" },
  {
    section: "uprobe.session.s",
    programType: "kprobe",
    attachType: "trace_uprobe_session",
    sleepable: true,
    target: "name",
  },
];

/** A section name taken apart. */
export interface SectionMeaning {
  readonly rule: SectionRule;
  /** What follows the rule's slash, such as the function in `kprobe/do_unlinkat`. */
  readonly target?: string;
  /** False for a name with a leading `?`: the program is loaded only when it is asked for. */
  readonly autoload: boolean;
}

const meaningOf = (rule: SectionRule, name: string): { readonly target?: string } | undefined => {
  if (name === rule.section) return {};
  if (rule.target !== undefined && name.startsWith(`${rule.section}/`)) {
    return { target: name.slice(rule.section.length + 1) };
  }
  return undefined;
};

/** The meaning of a section's name, or `undefined` for a name that no rule knows. */
export const parseSectionName = (name: string): SectionMeaning | undefined => {
  const autoload = !name.startsWith("?");
  const bare = autoload ? name : name.slice(1);
  for (const rule of SECTION_RULES) {
    const meaning = meaningOf(rule, bare);
    if (meaning !== undefined) return { rule, autoload, ...meaning };
  }
  return undefined;
};
