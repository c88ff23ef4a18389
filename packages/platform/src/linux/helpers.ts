import type { AttachType } from "../attach-types.js";
import type {
  ArgumentType,
  CallbackParameter,
  HelperPrototype,
  HelperVariant,
  MemoryAccess,
  ReturnClass,
  ReturnType,
} from "../helper.js";
import type { ProgramTypeName } from "../program-types.js";
import { ADDRESS_REPORTS } from "./attach-groups.js";
import { COMMON_HELPERS, HELPERS_BY_TYPE, LIRC_HELPERS } from "./availability.js";

/*
 * The prototypes of Linux's helpers. Names and ids are those of the uapi header; what a helper takes is not in it, and is
 * stated here as facts of Linux 6.18.
 */

const ANY: ArgumentType = { kind: "anything" };
const SCALAR: ArgumentType = { kind: "scalar" };
const ZERO: ArgumentType = { kind: "zero" };
const CTX: ArgumentType = { kind: "context" };
const CTXN: ArgumentType = { kind: "context", nullable: true };
const MAP: ArgumentType = { kind: "map" };
const KEY: ArgumentType = { kind: "map_key" };
const MAPVAL: ArgumentType = { kind: "map_value", access: "read" };
const MAPVALN: ArgumentType = { kind: "map_value", access: "read", nullable: true };
const MAPVALW: ArgumentType = { kind: "map_value", access: "write" };
const READ: ArgumentType = { kind: "memory", access: "read" };
const READN: ArgumentType = { kind: "memory", access: "read", nullable: true };
const WRITE: ArgumentType = { kind: "memory", access: "write" };
const UPDATE: ArgumentType = { kind: "memory", access: "update" };
const UPDATEN: ArgumentType = { kind: "memory", access: "update", nullable: true };
const SIZE: ArgumentType = { kind: "size", zero: false };
const SIZE0: ArgumentType = { kind: "size", zero: true };
const ALLOC_SIZE: ArgumentType = { kind: "constant_size" };
const STRING: ArgumentType = { kind: "constant_string" };
const FORMAT: ArgumentType = { kind: "constant_string", format: true };
const FUNC: ArgumentType = { kind: "function" };
const STACKN: ArgumentType = { kind: "stack_or_null" };
const RECORD: ArgumentType = { kind: "allocated" };
const field = (name: string): ArgumentType => ({ kind: "map_field", field: name });
const LOCK = field("bpf_spin_lock");
const TIMER = field("bpf_timer");
const DYNPTR: ArgumentType = { kind: "dynptr", role: "use" };
const NEW_DYNPTR: ArgumentType = { kind: "dynptr", role: "make", type: "local" };
const NEW_RECORD_DYNPTR: ArgumentType = { kind: "dynptr", role: "make", type: "ringbuf" };
const RECORD_DYNPTR: ArgumentType = { kind: "dynptr", role: "release", type: "ringbuf" };
const PERCPU: ArgumentType = { kind: "percpu_object" };
const OBJECT: ArgumentType = { kind: "kernel_object" };
const OBJECTN: ArgumentType = { kind: "kernel_object", nullable: true };
/** A socket as programs see it alone, or also as the kernel does. */
const SOCKET_VIEW: ArgumentType = { kind: "socket", full: false };
const SOCKET: ArgumentType = { kind: "socket", full: false, kernelTypes: true };
const SOCKETN: ArgumentType = { kind: "socket", full: false, kernelTypes: true, nullable: true };
const FULL_SOCKETN: ArgumentType = { kind: "socket", full: true, nullable: true };
const KERNEL_OBJECT: ReturnType = { kind: "unsupported", type: "kernel object" };
const fixed = (access: MemoryAccess, size: number, aligned?: "aligned"): ArgumentType => ({
  kind: "memory",
  access,
  size,
  ...(aligned && { aligned: true }),
});

const MAP_ENTRY: readonly CallbackParameter[] = ["map", "map_key", "map_value"];

const INTEGER: ReturnType = { kind: "scalar" };
const VOID: ReturnType = { kind: "void" };
const MAP_VALUE: ReturnType = { kind: "map_value" };
const MAP_VALUE_OR_NULL: ReturnType = { kind: "map_value_or_null" };
const RECORD_OR_NULL: ReturnType = { kind: "memory_or_null" };
const SOCKET_OR_NULL: ReturnType = { kind: "socket_or_null", type: "sock" };
const SOCK_COMMON_OR_NULL: ReturnType = { kind: "socket_or_null", type: "sock_common" };
const TCP_SOCK_OR_NULL: ReturnType = { kind: "socket_or_null", type: "tcp_sock" };

/** Types whose `get_cgroup_classid` asks for the current task and not for a packet. */
const NOT_CLASSIFIERS: readonly ProgramTypeName[] = (Object.keys(HELPERS_BY_TYPE) as ProgramTypeName[]).filter(
  (type) => !type.startsWith("lwt_") && type !== "sched_cls" && type !== "sched_act",
);

const WITHOUT_RETURN_VALUE: readonly AttachType[] = [
  "cgroup_inet_ingress",
  "cgroup_inet_egress",
  "cgroup_sock_ops",
  ...ADDRESS_REPORTS,
];

/** Programs of type cgroup_sock have it wherever they are attached, also where their attach type is left 0. */
const RETURN_VALUE_VARIANTS: readonly HelperVariant[] = [
  { programTypes: ["cgroup_sock"] },
  { attachTypes: WITHOUT_RETURN_VALUE, unavailable: true },
];

interface VariantRow extends Omit<HelperVariant, "arguments"> {
  readonly args?: readonly ArgumentType[];
}

/** A row: names without `bpf_`, an integer result unless said otherwise. */
interface HelperRow extends Partial<Omit<HelperPrototype, "arguments" | "variants">> {
  readonly id: number;
  readonly name: string;
  readonly args: readonly ArgumentType[];
  readonly variants?: readonly VariantRow[];
}

const ROWS: readonly HelperRow[] = [
  { id: 1, name: "map_lookup_elem", args: [MAP, KEY], returns: MAP_VALUE_OR_NULL, packetArguments: true },
  { id: 2, name: "map_update_elem", args: [MAP, KEY, MAPVAL, ANY], changesMap: true, packetArguments: true },
  { id: 3, name: "map_delete_elem", args: [MAP, KEY], changesMap: true, packetArguments: true },
  { id: 4, name: "probe_read", args: [WRITE, SIZE0, ANY], gplOnly: true },
  { id: 5, name: "ktime_get_ns", args: [], returnClass: "full64" },
  { id: 6, name: "trace_printk", args: [READ, SIZE], gplOnly: true },
  { id: 7, name: "get_prandom_u32", args: [], returnClass: "pointer" },
  { id: 8, name: "get_smp_processor_id", args: [] },
  { id: 9, name: "skb_store_bytes", args: [CTX, ANY, READ, SIZE, ANY], mayMovePacket: true },
  { id: 10, name: "l3_csum_replace", args: [CTX, ANY, ANY, ANY, ANY], mayMovePacket: true },
  { id: 11, name: "l4_csum_replace", args: [CTX, ANY, ANY, ANY, ANY], mayMovePacket: true },
  { id: 12, name: "tail_call", args: [CTX, MAP, ANY], returns: VOID },
  { id: 13, name: "clone_redirect", args: [CTX, ANY, ANY], mayMovePacket: true },
  { id: 14, name: "get_current_pid_tgid", args: [], returnClass: "full64" },
  { id: 15, name: "get_current_uid_gid", args: [], returnClass: "full64" },
  { id: 16, name: "get_current_comm", args: [WRITE, SIZE] },
  { id: 17, name: "get_cgroup_classid", args: [CTX], variants: [{ programTypes: NOT_CLASSIFIERS, args: [] }] },
  { id: 18, name: "skb_vlan_push", args: [CTX, ANY, ANY], mayMovePacket: true },
  { id: 19, name: "skb_vlan_pop", args: [CTX], mayMovePacket: true },
  { id: 20, name: "skb_get_tunnel_key", args: [CTX, WRITE, SIZE, ANY] },
  { id: 21, name: "skb_set_tunnel_key", args: [CTX, READ, SIZE, ANY] },
  { id: 22, name: "perf_event_read", args: [MAP, ANY], gplOnly: true, returnClass: "full64" },
  { id: 23, name: "redirect", args: [ANY, ANY] },
  { id: 24, name: "get_route_realm", args: [CTX] },
  { id: 25, name: "perf_event_output", args: [CTX, MAP, ANY, READ, SIZE0], gplOnly: true },
  { id: 26, name: "skb_load_bytes", args: [CTX, ANY, WRITE, SIZE] },
  {
    id: 27,
    name: "get_stackid",
    args: [CTX, MAP, ANY],
    gplOnly: true,
    variants: [{ programTypes: ["perf_event"], gplOnly: false }],
  },
  { id: 28, name: "csum_diff", args: [READN, SIZE0, READN, SIZE0, ANY], packetArguments: true, returnClass: "full64" },
  { id: 29, name: "skb_get_tunnel_opt", args: [CTX, WRITE, SIZE] },
  { id: 30, name: "skb_set_tunnel_opt", args: [CTX, READ, SIZE] },
  { id: 31, name: "skb_change_proto", args: [CTX, ANY, ANY], mayMovePacket: true },
  { id: 32, name: "skb_change_type", args: [CTX, ANY] },
  { id: 33, name: "skb_under_cgroup", args: [CTX, MAP, ANY] },
  { id: 34, name: "get_hash_recalc", args: [CTX] },
  { id: 35, name: "get_current_task", args: [], gplOnly: true, returnClass: "full64" },
  { id: 36, name: "probe_write_user", args: [ANY, READ, SIZE], gplOnly: true },
  { id: 37, name: "current_task_under_cgroup", args: [MAP, ANY] },
  { id: 38, name: "skb_change_tail", args: [CTX, ANY, ANY], mayMovePacket: true },
  { id: 39, name: "skb_pull_data", args: [CTX, ANY], mayMovePacket: true },
  { id: 40, name: "csum_update", args: [CTX, ANY] },
  { id: 41, name: "set_hash_invalid", args: [CTX] },
  { id: 42, name: "get_numa_node_id", args: [] },
  { id: 43, name: "skb_change_head", args: [CTX, ANY, ANY], mayMovePacket: true },
  { id: 44, name: "xdp_adjust_head", args: [CTX, ANY], mayMovePacket: true },
  { id: 45, name: "probe_read_str", args: [WRITE, SIZE0, ANY], gplOnly: true, boundedBySize: true },
  {
    id: 46,
    name: "get_socket_cookie",
    args: [CTX],
    returnClass: "full64",
    variants: [{ programTypes: ["sk_reuseport", "syscall"], args: [SOCKETN] }],
  },
  { id: 47, name: "get_socket_uid", args: [CTX] },
  { id: 48, name: "set_hash", args: [CTX, ANY] },
  {
    id: 49,
    name: "setsockopt",
    args: [CTX, ANY, ANY, READ, SIZE],
    variants: [
      { programTypes: ["cgroup_sockopt"], attachTypes: ["cgroup_setsockopt"], args: [SOCKET, ANY, ANY, READ, SIZE] },
      { programTypes: ["cgroup_sockopt"], unavailable: true },
    ],
  },
  { id: 50, name: "skb_adjust_room", args: [CTX, ANY, ANY, ANY], mayMovePacket: true },
  { id: 51, name: "redirect_map", args: [MAP, ANY, ANY] },
  { id: 52, name: "sk_redirect_map", args: [CTX, MAP, ANY, ANY] },
  { id: 53, name: "sock_map_update", args: [CTX, MAP, KEY, ANY] },
  { id: 54, name: "xdp_adjust_meta", args: [CTX, ANY], mayMovePacket: true },
  { id: 55, name: "perf_event_read_value", args: [MAP, ANY, WRITE, SIZE], gplOnly: true },
  { id: 56, name: "perf_prog_read_value", args: [CTX, WRITE, SIZE], gplOnly: true },
  {
    id: 57,
    name: "getsockopt",
    args: [CTX, ANY, ANY, WRITE, SIZE],
    variants: [
      { programTypes: ["cgroup_sockopt"], attachTypes: ["cgroup_setsockopt"], args: [SOCKET, ANY, ANY, WRITE, SIZE] },
      { programTypes: ["cgroup_sockopt"], unavailable: true },
    ],
  },
  { id: 58, name: "override_return", args: [CTX, ANY], gplOnly: true },
  { id: 59, name: "sock_ops_cb_flags_set", args: [CTX, ANY] },
  { id: 60, name: "msg_redirect_map", args: [CTX, MAP, ANY, ANY] },
  { id: 61, name: "msg_apply_bytes", args: [CTX, ANY] },
  { id: 62, name: "msg_cork_bytes", args: [CTX, ANY] },
  { id: 63, name: "msg_pull_data", args: [CTX, ANY, ANY, ANY], mayMovePacket: true },
  {
    id: 64,
    name: "bind",
    args: [CTX, READ, SIZE],
    variants: [{ attachTypes: ["cgroup_inet4_connect", "cgroup_inet6_connect"] }, { unavailable: true }],
  },
  { id: 65, name: "xdp_adjust_tail", args: [CTX, ANY], mayMovePacket: true },
  { id: 66, name: "skb_get_xfrm_state", args: [CTX, ANY, WRITE, SIZE, ANY] },
  { id: 67, name: "get_stack", args: [CTX, WRITE, SIZE0, ANY], gplOnly: true, boundedBySize: true },
  { id: 68, name: "skb_load_bytes_relative", args: [CTX, ANY, WRITE, SIZE, ANY] },
  { id: 69, name: "fib_lookup", args: [CTX, UPDATE, SIZE, ANY], gplOnly: true },
  { id: 70, name: "sock_hash_update", args: [CTX, MAP, KEY, ANY] },
  { id: 71, name: "msg_redirect_hash", args: [CTX, MAP, KEY, ANY] },
  { id: 72, name: "sk_redirect_hash", args: [CTX, MAP, KEY, ANY] },
  { id: 73, name: "lwt_push_encap", args: [CTX, ANY, READ, SIZE], mayMovePacket: true },
  { id: 74, name: "lwt_seg6_store_bytes", args: [CTX, ANY, READ, SIZE], mayMovePacket: true },
  { id: 75, name: "lwt_seg6_adjust_srh", args: [CTX, ANY, ANY], mayMovePacket: true },
  { id: 76, name: "lwt_seg6_action", args: [CTX, ANY, READ, SIZE], mayMovePacket: true },
  { id: 77, name: "rc_repeat", args: [CTX] },
  { id: 78, name: "rc_keydown", args: [CTX, ANY, ANY, ANY] },
  { id: 79, name: "skb_cgroup_id", args: [CTX], returnClass: "full64" },
  { id: 80, name: "get_current_cgroup_id", args: [], returnClass: "full64" },
  { id: 81, name: "get_local_storage", args: [MAP, ZERO], returns: MAP_VALUE },
  { id: 82, name: "sk_select_reuseport", args: [CTX, MAP, KEY, ANY] },
  { id: 83, name: "skb_ancestor_cgroup_id", args: [CTX, ANY], returnClass: "full64" },
  {
    id: 84,
    name: "sk_lookup_tcp",
    args: [CTX, READ, SIZE0, ANY, ANY],
    returns: SOCKET_OR_NULL,
    packetArguments: true,
    acquires: true,
  },
  {
    id: 85,
    name: "sk_lookup_udp",
    args: [CTX, READ, SIZE0, ANY, ANY],
    returns: SOCKET_OR_NULL,
    packetArguments: true,
    acquires: true,
  },
  { id: 86, name: "sk_release", args: [SOCKET], releases: 0 },
  { id: 87, name: "map_push_elem", args: [MAP, MAPVAL, ANY], changesMap: true, packetArguments: true },
  { id: 88, name: "map_pop_elem", args: [MAP, MAPVALW], changesMap: true },
  { id: 89, name: "map_peek_elem", args: [MAP, MAPVALW] },
  { id: 90, name: "msg_push_data", args: [CTX, ANY, ANY, ANY], mayMovePacket: true },
  { id: 91, name: "msg_pop_data", args: [CTX, ANY, ANY, ANY], mayMovePacket: true },
  { id: 92, name: "rc_pointer_rel", args: [CTX, ANY, ANY] },
  { id: 93, name: "spin_lock", args: [LOCK], returns: VOID, lock: "take" },
  { id: 94, name: "spin_unlock", args: [LOCK], returns: VOID, lock: "drop", underLock: true },
  { id: 95, name: "sk_fullsock", args: [SOCKET_VIEW], returns: SOCKET_OR_NULL, sameObject: true },
  { id: 96, name: "tcp_sock", args: [SOCKET_VIEW], returns: TCP_SOCK_OR_NULL, sameObject: true },
  { id: 97, name: "skb_ecn_set_ce", args: [CTX] },
  { id: 98, name: "get_listener_sock", args: [SOCKET_VIEW], returns: SOCKET_OR_NULL },
  {
    id: 99,
    name: "skc_lookup_tcp",
    args: [CTX, READ, SIZE0, ANY, ANY],
    returns: SOCK_COMMON_OR_NULL,
    packetArguments: true,
    acquires: true,
  },
  {
    id: 100,
    name: "tcp_check_syncookie",
    args: [SOCKET, READ, SIZE, READ, SIZE],
    gplOnly: true,
    packetArguments: true,
  },
  { id: 101, name: "sysctl_get_name", args: [CTX, UPDATE, SIZE, ANY] },
  { id: 102, name: "sysctl_get_current_value", args: [CTX, WRITE, SIZE] },
  { id: 103, name: "sysctl_get_new_value", args: [CTX, WRITE, SIZE] },
  { id: 104, name: "sysctl_set_new_value", args: [CTX, READ, SIZE] },
  { id: 105, name: "strtol", args: [READ, SIZE, ANY, fixed("write", 8, "aligned")] },
  { id: 106, name: "strtoul", args: [READ, SIZE, ANY, fixed("write", 8, "aligned")] },
  {
    id: 107,
    name: "sk_storage_get",
    args: [MAP, SOCKET, MAPVALN, ANY],
    returns: MAP_VALUE_OR_NULL,
    variants: [
      { programTypes: ["cgroup_sock"], args: [MAP, CTX, MAPVALN, ANY] },
      { programTypes: ["syscall"], refusedAs: "probe" },
    ],
  },
  {
    id: 108,
    name: "sk_storage_delete",
    args: [MAP, SOCKET],
    variants: [{ programTypes: ["syscall"], refusedAs: "probe" }],
  },
  { id: 109, name: "send_signal", args: [ANY] },
  { id: 110, name: "tcp_gen_syncookie", args: [SOCKET, READ, SIZE, READ, SIZE], gplOnly: true, packetArguments: true },
  { id: 111, name: "skb_output", args: [OBJECT, MAP, ANY, READ, SIZE0], gplOnly: true },
  { id: 112, name: "probe_read_user", args: [WRITE, SIZE0, ANY], gplOnly: true },
  { id: 113, name: "probe_read_kernel", args: [WRITE, SIZE0, ANY], gplOnly: true },
  { id: 114, name: "probe_read_user_str", args: [WRITE, SIZE0, ANY], gplOnly: true, boundedBySize: true },
  { id: 115, name: "probe_read_kernel_str", args: [WRITE, SIZE0, ANY], gplOnly: true, boundedBySize: true },
  { id: 116, name: "tcp_send_ack", args: [OBJECT] },
  { id: 117, name: "send_signal_thread", args: [ANY] },
  { id: 118, name: "jiffies64", args: [], returnClass: "full64" },
  { id: 119, name: "read_branch_records", args: [CTX, UPDATEN, SIZE0, ANY], gplOnly: true },
  { id: 120, name: "get_ns_current_pid_tgid", args: [ANY, ANY, WRITE, SIZE] },
  { id: 121, name: "xdp_output", args: [OBJECT, MAP, ANY, READ, SIZE0], gplOnly: true },
  { id: 122, name: "get_netns_cookie", args: [CTXN], returnClass: "full64" },
  { id: 123, name: "get_current_ancestor_cgroup_id", args: [ANY], returnClass: "full64" },
  {
    id: 124,
    name: "sk_assign",
    args: [CTX, SOCKET, ANY],
    variants: [{ programTypes: ["sk_lookup"], args: [CTX, FULL_SOCKETN, ANY] }],
  },
  { id: 125, name: "ktime_get_boot_ns", args: [], returnClass: "full64" },
  { id: 126, name: "seq_printf", args: [OBJECT, READ, SIZE, READN, SIZE0], gplOnly: true },
  { id: 127, name: "seq_write", args: [OBJECT, READ, SIZE0], gplOnly: true },
  { id: 128, name: "sk_cgroup_id", args: [SOCKET], returnClass: "full64" },
  { id: 129, name: "sk_ancestor_cgroup_id", args: [SOCKET, ANY], returnClass: "full64" },
  { id: 130, name: "ringbuf_output", args: [MAP, READ, SIZE0, ANY] },
  { id: 131, name: "ringbuf_reserve", args: [MAP, ALLOC_SIZE, ANY], returns: RECORD_OR_NULL, acquires: true },
  { id: 132, name: "ringbuf_submit", args: [RECORD, ANY], returns: VOID, releases: 0 },
  { id: 133, name: "ringbuf_discard", args: [RECORD, ANY], returns: VOID, releases: 0 },
  { id: 134, name: "ringbuf_query", args: [MAP, ANY], returnClass: "full64" },
  { id: 135, name: "csum_level", args: [CTX, ANY] },
  { id: 136, name: "skc_to_tcp6_sock", args: [SOCKET], returns: KERNEL_OBJECT },
  { id: 137, name: "skc_to_tcp_sock", args: [SOCKET], returns: KERNEL_OBJECT },
  { id: 138, name: "skc_to_tcp_timewait_sock", args: [SOCKET], returns: KERNEL_OBJECT },
  { id: 139, name: "skc_to_tcp_request_sock", args: [SOCKET], returns: KERNEL_OBJECT },
  { id: 140, name: "skc_to_udp6_sock", args: [SOCKET], returns: KERNEL_OBJECT },
  { id: 141, name: "get_task_stack", args: [OBJECT, WRITE, SIZE0, ANY], boundedBySize: true },
  { id: 142, name: "load_hdr_opt", args: [CTX, UPDATE, SIZE, ANY] },
  { id: 143, name: "store_hdr_opt", args: [CTX, READ, SIZE, ANY], mayMovePacket: true },
  { id: 144, name: "reserve_hdr_opt", args: [CTX, ANY, ANY] },
  {
    id: 145,
    name: "inode_storage_get",
    args: [MAP, OBJECTN, MAPVALN, ANY],
    returns: MAP_VALUE_OR_NULL,
  },
  { id: 146, name: "inode_storage_delete", args: [MAP, OBJECTN] },
  {
    id: 147,
    name: "d_path",
    args: [OBJECT, READ, SIZE0],
    variants: [{ programTypes: ["syscall"], refusedAs: "probe" }],
  },
  { id: 148, name: "copy_from_user", args: [WRITE, SIZE0, ANY], mightSleep: true },
  { id: 149, name: "snprintf_btf", args: [UPDATE, SIZE, READ, SIZE, ANY] },
  { id: 150, name: "seq_printf_btf", args: [OBJECT, READ, SIZE0, ANY], gplOnly: true },
  { id: 151, name: "skb_cgroup_classid", args: [CTX] },
  { id: 152, name: "redirect_neigh", args: [ANY, READN, SIZE0, ANY] },
  {
    id: 153,
    name: "per_cpu_ptr",
    args: [PERCPU, ANY],
    returns: KERNEL_OBJECT,
  },
  {
    id: 154,
    name: "this_cpu_ptr",
    args: [PERCPU],
    returns: KERNEL_OBJECT,
  },
  { id: 155, name: "redirect_peer", args: [ANY, ANY] },
  {
    id: 156,
    name: "task_storage_get",
    args: [MAP, OBJECTN, MAPVALN, ANY],
    returns: MAP_VALUE_OR_NULL,
  },
  { id: 157, name: "task_storage_delete", args: [MAP, OBJECTN] },
  { id: 158, name: "get_current_task_btf", args: [], returns: KERNEL_OBJECT, gplOnly: true },
  { id: 159, name: "bprm_opts_set", args: [OBJECT, ANY] },
  { id: 160, name: "ktime_get_coarse_ns", args: [], returnClass: "full64" },
  { id: 161, name: "ima_inode_hash", args: [OBJECT, WRITE, SIZE], mightSleep: true },
  { id: 162, name: "sock_from_file", args: [OBJECT], returns: KERNEL_OBJECT },
  { id: 163, name: "check_mtu", args: [CTX, ANY, fixed("update", 4, "aligned"), ANY, ANY], gplOnly: true },
  {
    id: 164,
    name: "for_each_map_elem",
    args: [MAP, FUNC, STACKN, ANY],
    callback: [...MAP_ENTRY, "context"],
  },
  { id: 165, name: "snprintf", args: [UPDATEN, SIZE0, FORMAT, READN, SIZE0], gplOnly: true },
  { id: 166, name: "sys_bpf", args: [ANY, READ, SIZE], mightSleep: true },
  { id: 167, name: "btf_find_by_name_kind", args: [READ, SIZE, ANY, ANY], mightSleep: true },
  { id: 168, name: "sys_close", args: [ANY], mightSleep: true },
  { id: 169, name: "timer_init", args: [TIMER, MAP, ANY], gplOnly: true },
  { id: 170, name: "timer_set_callback", args: [TIMER, FUNC], gplOnly: true, asyncCallback: MAP_ENTRY },
  { id: 171, name: "timer_start", args: [TIMER, ANY, ANY], gplOnly: true },
  { id: 172, name: "timer_cancel", args: [TIMER], gplOnly: true },
  {
    id: 173,
    name: "get_func_ip",
    args: [CTX],
    gplOnly: true,
    returnClass: "full64",
    variants: [
      {
        programTypes: ["tracepoint", "raw_tracepoint", "raw_tracepoint_writable", "perf_event", "syscall"],
        refusedAs: "program type",
      },
      {
        attachTypes: ["trace_kprobe_multi", "trace_kprobe_session", "trace_uprobe_multi", "trace_uprobe_session"],
        gplOnly: false,
      },
    ],
  },
  { id: 174, name: "get_attach_cookie", args: [CTX], returnClass: "full64" },
  {
    id: 175,
    name: "task_pt_regs",
    args: [OBJECT],
    returns: KERNEL_OBJECT,
    gplOnly: true,
  },
  { id: 176, name: "get_branch_snapshot", args: [WRITE, SIZE0], gplOnly: true },
  { id: 177, name: "trace_vprintk", args: [READ, SIZE, READN, SIZE0], gplOnly: true },
  { id: 178, name: "skc_to_unix_sock", args: [SOCKET], returns: KERNEL_OBJECT },
  { id: 179, name: "kallsyms_lookup_name", args: [READ, SIZE0, ANY, fixed("write", 8, "aligned")] },
  { id: 180, name: "find_vma", args: [OBJECT, ANY, FUNC, STACKN, ANY] },
  { id: 181, name: "loop", args: [SCALAR, FUNC, STACKN, ANY], callback: ["scalar", "context"], callbackLimit: 0 },
  { id: 182, name: "strncmp", args: [READ, SIZE, STRING] },
  { id: 183, name: "get_func_arg", args: [CTX, ANY, fixed("write", 8, "aligned")] },
  { id: 184, name: "get_func_ret", args: [CTX, fixed("write", 8, "aligned")] },
  { id: 185, name: "get_func_arg_cnt", args: [CTX] },
  { id: 186, name: "get_retval", args: [], variants: RETURN_VALUE_VARIANTS },
  { id: 187, name: "set_retval", args: [ANY], variants: RETURN_VALUE_VARIANTS },
  {
    id: 188,
    name: "xdp_get_buff_len",
    args: [CTX],
    variants: [{ programTypes: ["syscall"], args: [OBJECT] }],
  },
  { id: 189, name: "xdp_load_bytes", args: [CTX, ANY, WRITE, SIZE] },
  { id: 190, name: "xdp_store_bytes", args: [CTX, ANY, READ, SIZE] },
  {
    id: 191,
    name: "copy_from_user_task",
    args: [WRITE, SIZE0, ANY, OBJECT, ANY],
    gplOnly: true,
    mightSleep: true,
  },
  { id: 192, name: "skb_set_tstamp", args: [CTX, ANY, ANY] },
  { id: 193, name: "ima_file_hash", args: [OBJECT, WRITE, SIZE], mightSleep: true },
  {
    id: 194,
    name: "kptr_xchg",
    args: [{ kind: "kernel_pointer" }, OBJECT],
    returns: KERNEL_OBJECT,
  },
  { id: 195, name: "map_lookup_percpu_elem", args: [MAP, KEY, ANY], returns: MAP_VALUE_OR_NULL, packetArguments: true },
  { id: 196, name: "skc_to_mptcp_sock", args: [SOCKET_VIEW], returns: KERNEL_OBJECT },
  { id: 197, name: "dynptr_from_mem", args: [WRITE, SIZE0, ANY, NEW_DYNPTR], mapValueMemory: 0 },
  { id: 198, name: "ringbuf_reserve_dynptr", args: [MAP, ANY, ANY, NEW_RECORD_DYNPTR] },
  { id: 199, name: "ringbuf_submit_dynptr", args: [RECORD_DYNPTR, ANY], returns: VOID },
  { id: 200, name: "ringbuf_discard_dynptr", args: [RECORD_DYNPTR, ANY], returns: VOID },
  { id: 201, name: "dynptr_read", args: [WRITE, SIZE0, DYNPTR, ANY, ANY] },
  { id: 202, name: "dynptr_write", args: [DYNPTR, ANY, READ, SIZE0, ANY] },
  {
    id: 203,
    name: "dynptr_data",
    args: [DYNPTR, ANY, ALLOC_SIZE],
    returns: { kind: "slice_or_null" },
  },
  {
    id: 204,
    name: "tcp_raw_gen_syncookie_ipv4",
    args: [fixed("read", 20), READ, SIZE0],
    gplOnly: true,
    packetArguments: true,
  },
  {
    id: 205,
    name: "tcp_raw_gen_syncookie_ipv6",
    args: [fixed("read", 40), READ, SIZE0],
    gplOnly: true,
    packetArguments: true,
  },
  {
    id: 206,
    name: "tcp_raw_check_syncookie_ipv4",
    args: [fixed("read", 20), fixed("read", 20)],
    gplOnly: true,
    packetArguments: true,
  },
  {
    id: 207,
    name: "tcp_raw_check_syncookie_ipv6",
    args: [fixed("read", 40), fixed("read", 20)],
    gplOnly: true,
    packetArguments: true,
  },
  { id: 208, name: "ktime_get_tai_ns", args: [], returnClass: "full64" },
  { id: 209, name: "user_ringbuf_drain", args: [MAP, FUNC, STACKN, ANY], callback: ["dynptr", "context"] },
  {
    id: 210,
    name: "cgrp_storage_get",
    args: [MAP, OBJECTN, MAPVALN, ANY],
    returns: MAP_VALUE_OR_NULL,
  },
  { id: 211, name: "cgrp_storage_delete", args: [MAP, OBJECTN] },
];

const returnClassOf = (returns: ReturnType): ReturnClass => {
  if (returns.kind === "void") return "void";
  return returns.kind === "scalar" ? "signed32" : "pointer";
};

/** The types of programs that may call a helper, by its name. */
const callersByHelper = (): ReadonlyMap<string, readonly ProgramTypeName[]> => {
  const byType = Object.entries(HELPERS_BY_TYPE) as [ProgramTypeName, readonly string[]][];
  const all = byType.map(([type]) => type);
  const callers = new Map(COMMON_HELPERS.map((name) => [name, all]));
  const allow = (type: ProgramTypeName, name: string): void => {
    const types = callers.get(name);
    if (types === undefined) callers.set(name, [type]);
    else if (types !== all) types.push(type);
  };
  for (const [type, names] of byType) {
    for (const name of names) allow(type, name);
  }
  for (const name of LIRC_HELPERS) callers.set(name, [...(callers.get(name) ?? []), "lirc_mode2"]);
  return callers;
};

const CALLERS = callersByHelper();

const prototypeOf = ({ args, variants, ...row }: HelperRow): HelperPrototype => {
  const returns = row.returns ?? INTEGER;
  return {
    ...row,
    name: `bpf_${row.name}`,
    arguments: args,
    returns,
    returnClass: row.returnClass ?? returnClassOf(returns),
    programTypes: CALLERS.get(row.name) ?? [],
    ...(variants && {
      variants: variants.map(({ args, ...rest }) => ({ ...rest, ...(args && { arguments: args }) })),
    }),
  };
};

/** Every helper of Linux, by id. */
export const HELPERS: ReadonlyMap<number, HelperPrototype> = new Map(
  ROWS.map((row) => [row.id, prototypeOf(row)] as const),
);
