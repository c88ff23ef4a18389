/** Map types; the index is the number that `BPF_MAP_CREATE` takes. Source: `enum bpf_map_type` of Linux's uapi. */
export const MAP_TYPES = [
  "unspec",
  "hash",
  "array",
  "prog_array",
  "perf_event_array",
  "percpu_hash",
  "percpu_array",
  "stack_trace",
  "cgroup_array",
  "lru_hash",
  "lru_percpu_hash",
  "lpm_trie",
  "array_of_maps",
  "hash_of_maps",
  "devmap",
  "sockmap",
  "cpumap",
  "xskmap",
  "sockhash",
  "cgroup_storage",
  "reuseport_sockarray",
  "percpu_cgroup_storage",
  "queue",
  "stack",
  "sk_storage",
  "devmap_hash",
  "struct_ops",
  "ringbuf",
  "inode_storage",
  "task_storage",
  "bloom_filter",
  "user_ringbuf",
  "cgrp_storage",
  "arena",
  "insn_array",
] as const;

export type LinuxMapType = (typeof MAP_TYPES)[number];

/** A type of map: one of Linux's, or a platform's own. */
export type MapTypeName = LinuxMapType | (string & Record<never, never>);

/** The number of a map type in Linux; -1 for a platform's own. */
export const mapTypeNumber = (name: MapTypeName): number => MAP_TYPES.indexOf(name as LinuxMapType);

/** Bits of `map_flags`. Source: Linux's uapi. */
export const MAP_FLAGS = {
  noPrealloc: 1 << 0,
  readOnlyUser: 1 << 3,
  writeOnlyUser: 1 << 4,
  zeroSeed: 1 << 6,
  readOnlyProgram: 1 << 7,
  writeOnlyProgram: 1 << 8,
  mmapable: 1 << 10,
  innerMap: 1 << 12,
  link: 1 << 13,
} as const;
