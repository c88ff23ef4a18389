/**
 * Program types; the index is the number that `BPF_PROG_LOAD` takes. Source: `enum bpf_prog_type` of Linux's uapi.
 */
export const PROGRAM_TYPES = [
  "unspec",
  "socket_filter",
  "kprobe",
  "sched_cls",
  "sched_act",
  "tracepoint",
  "xdp",
  "perf_event",
  "cgroup_skb",
  "cgroup_sock",
  "lwt_in",
  "lwt_out",
  "lwt_xmit",
  "sock_ops",
  "sk_skb",
  "cgroup_device",
  "sk_msg",
  "raw_tracepoint",
  "cgroup_sock_addr",
  "lwt_seg6local",
  "lirc_mode2",
  "sk_reuseport",
  "flow_dissector",
  "cgroup_sysctl",
  "raw_tracepoint_writable",
  "cgroup_sockopt",
  "tracing",
  "struct_ops",
  "ext",
  "lsm",
  "sk_lookup",
  "syscall",
  "netfilter",
] as const;

export type LinuxProgramType = (typeof PROGRAM_TYPES)[number];

/** A type of program: one of Linux's, or a platform's own. */
export type ProgramTypeName = LinuxProgramType | (string & Record<never, never>);

/** The number of a program type in Linux; -1 for a platform's own. */
export const programTypeNumber = (name: ProgramTypeName): number => PROGRAM_TYPES.indexOf(name as LinuxProgramType);
