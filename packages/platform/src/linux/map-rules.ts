import type { LinuxMapType } from "../map-types.js";
import type { MapTypeRules } from "../platform.js";
import type { ProgramTypeName } from "../program-types.js";
import {
  BPF_ARENA,
  BPF_ARRAY,
  BPF_BLOOM_FILTER,
  BPF_CGROUP_STORAGE_MAP,
  BPF_CPU_MAP,
  BPF_DTAB,
  BPF_HTAB,
  BPF_LOCAL_STORAGE_MAP,
  BPF_QUEUE_STACK,
  BPF_RINGBUF_MAP,
  BPF_SHTAB,
  BPF_STAB,
  BPF_STACK_MAP,
  LPM_TRIE,
  REUSEPORT_ARRAY,
  XSK_MAP,
} from "./map-structures.js";

const STORE = ["map_lookup_elem", "map_update_elem", "map_delete_elem"];
const ITERABLE = ["for_each_map_elem"];
const TIMERS = ["timer_init", "timer_set_callback", "timer_start", "timer_cancel"];
const LOCAL_STORAGE = ["get_local_storage"];
/** Programs look inner maps up; only the user puts them in. */
const NESTED = ["map_lookup_elem"];

/** Programs that may take sockets out of socket maps, and those that may put some in. */
const SOCKET_TAKERS: readonly ProgramTypeName[] = [
  "sock_ops",
  "socket_filter",
  "sched_cls",
  "sched_act",
  "xdp",
  "sk_reuseport",
  "flow_dissector",
  "sk_lookup",
];
const SOCKET_GIVERS = SOCKET_TAKERS.filter((type) => type !== "sock_ops");
const SOCKET_CHANGES = { map_update_elem: SOCKET_GIVERS, map_delete_elem: SOCKET_TAKERS };

/**
 * Which helpers take which type of map, by the helpers' names without `bpf_`: a map goes only to the helpers of its row,
 * and a helper that stands in any row takes only the maps of these rows. Source: facts of Linux 6.18.
 *
 * `directValue`: programs may hold the address of a value (LD_IMM64 with an offset).
 */
export const MAP_RULES: Readonly<Partial<Record<LinuxMapType, MapTypeRules>>> = {
  hash: { structure: BPF_HTAB, helpers: [...STORE, ...ITERABLE, ...TIMERS] },
  array: { structure: BPF_ARRAY, helpers: [...STORE, ...ITERABLE, ...TIMERS], directValue: true, allPresent: true },
  prog_array: { structure: BPF_ARRAY, helpers: ["tail_call"] },
  perf_event_array: {
    structure: BPF_ARRAY,
    helpers: ["perf_event_read", "perf_event_output", "skb_output", "perf_event_read_value", "xdp_output"],
  },
  percpu_hash: { structure: BPF_HTAB, helpers: [...STORE, ...ITERABLE, "map_lookup_percpu_elem"] },
  percpu_array: {
    structure: BPF_ARRAY,
    helpers: [...STORE, ...ITERABLE, "map_lookup_percpu_elem"],
    allPresent: true,
  },
  stack_trace: { structure: BPF_STACK_MAP, helpers: ["get_stackid"] },
  cgroup_array: { structure: BPF_ARRAY, helpers: ["skb_under_cgroup", "current_task_under_cgroup"] },
  lru_hash: { structure: BPF_HTAB, helpers: [...STORE, ...ITERABLE, ...TIMERS] },
  lru_percpu_hash: { structure: BPF_HTAB, helpers: [...STORE, ...ITERABLE, "map_lookup_percpu_elem"] },
  lpm_trie: { structure: LPM_TRIE, helpers: STORE },
  array_of_maps: { structure: BPF_ARRAY, helpers: NESTED, nested: true },
  hash_of_maps: { structure: BPF_HTAB, helpers: NESTED, nested: true },
  devmap: { structure: BPF_DTAB, helpers: ["redirect_map", "map_lookup_elem"], readOnlyValues: true },
  devmap_hash: { structure: BPF_DTAB, helpers: ["redirect_map", "map_lookup_elem"], readOnlyValues: true },
  sockmap: {
    structure: BPF_STAB,
    helpers: [
      "sk_redirect_map",
      "sock_map_update",
      "msg_redirect_map",
      "sk_select_reuseport",
      "map_lookup_elem",
      "map_update_elem",
      "map_delete_elem",
    ],
    sockets: true,
    values: "sock",
    changedBy: SOCKET_CHANGES,
  },
  sockhash: {
    structure: BPF_SHTAB,
    helpers: [
      "sk_redirect_hash",
      "sock_hash_update",
      "msg_redirect_hash",
      "sk_select_reuseport",
      "map_lookup_elem",
      "map_update_elem",
      "map_delete_elem",
    ],
    sockets: true,
    values: "sock",
    changedBy: SOCKET_CHANGES,
  },
  cpumap: { structure: BPF_CPU_MAP, helpers: ["redirect_map"] },
  xskmap: { structure: XSK_MAP, helpers: ["redirect_map", "map_lookup_elem"], values: "xdp_sock" },
  cgroup_storage: { structure: BPF_CGROUP_STORAGE_MAP, helpers: LOCAL_STORAGE },
  percpu_cgroup_storage: { structure: BPF_CGROUP_STORAGE_MAP, helpers: LOCAL_STORAGE },
  reuseport_sockarray: { structure: REUSEPORT_ARRAY, helpers: ["sk_select_reuseport"] },
  queue: { structure: BPF_QUEUE_STACK, helpers: ["map_peek_elem", "map_pop_elem", "map_push_elem"] },
  stack: { structure: BPF_QUEUE_STACK, helpers: ["map_peek_elem", "map_pop_elem", "map_push_elem"] },
  sk_storage: { structure: BPF_LOCAL_STORAGE_MAP, helpers: ["sk_storage_get", "sk_storage_delete"] },
  inode_storage: { structure: BPF_LOCAL_STORAGE_MAP, helpers: ["inode_storage_get", "inode_storage_delete"] },
  task_storage: { structure: BPF_LOCAL_STORAGE_MAP, helpers: ["task_storage_get", "task_storage_delete"] },
  cgrp_storage: { structure: BPF_LOCAL_STORAGE_MAP, helpers: ["cgrp_storage_get", "cgrp_storage_delete"] },
  ringbuf: {
    structure: BPF_RINGBUF_MAP,
    helpers: [
      "ringbuf_output",
      "ringbuf_reserve",
      "ringbuf_query",
      "ringbuf_reserve_dynptr",
      "ringbuf_submit_dynptr",
      "ringbuf_discard_dynptr",
    ],
  },
  user_ringbuf: { structure: BPF_RINGBUF_MAP, helpers: ["user_ringbuf_drain"] },
  bloom_filter: { structure: BPF_BLOOM_FILTER, helpers: ["map_peek_elem", "map_push_elem"], peekReads: true },
  arena: { structure: BPF_ARENA, helpers: [] },
  insn_array: { helpers: [] },
};
