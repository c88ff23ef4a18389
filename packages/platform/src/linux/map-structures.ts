import type { KernelMember, KernelStructure } from "../structure.js";

/*
 * The structures that stand for maps in Linux 6.18 on x86-64, and those that lie within them, as the BTF of that kernel
 * describes them. Their layout is no interface: other versions and configurations have another one.
 */

const number = (name: string, offset: number, size: number): KernelMember => ({ name, offset, size, holds: "number" });

const object = (name: string, offset: number, count = 1): KernelMember => ({
  name,
  offset,
  size: 8 * count,
  holds: "object",
});

const address = (name: string, offset: number, count = 1): KernelMember => ({
  name,
  offset,
  size: 8 * count,
  holds: "address",
});

const structure = (name: string, offset: number, holds: KernelStructure, count = 1): KernelMember => ({
  name,
  offset,
  size: holds.size * count,
  holds,
});

const ATOMIC64: KernelStructure = { name: "", size: 8, members: [number("counter", 0, 8)] };
const ATOMIC: KernelStructure = { name: "", size: 4, members: [number("counter", 0, 4)] };
const QSPINLOCK_BYTES: KernelStructure = {
  name: "",
  size: 2,
  members: [number("locked", 0, 1), number("pending", 1, 1)],
};
const QSPINLOCK_HALVES: KernelStructure = {
  name: "",
  size: 4,
  members: [number("locked_pending", 0, 2), number("tail", 2, 2)],
};
const QSPINLOCK_WORD: KernelStructure = {
  name: "",
  size: 4,
  union: true,
  members: [structure("val", 0, ATOMIC), structure("", 0, QSPINLOCK_BYTES), structure("", 0, QSPINLOCK_HALVES)],
};
const QSPINLOCK: KernelStructure = { name: "qspinlock", size: 4, members: [structure("", 0, QSPINLOCK_WORD)] };
const RAW_SPINLOCK: KernelStructure = { name: "raw_spinlock", size: 4, members: [structure("raw_lock", 0, QSPINLOCK)] };
const OPTIMISTIC_SPIN_QUEUE: KernelStructure = {
  name: "optimistic_spin_queue",
  size: 4,
  members: [structure("tail", 0, ATOMIC)],
};
const LIST_HEAD: KernelStructure = { name: "list_head", size: 16, members: [object("next", 0), object("prev", 8)] };
const MUTEX: KernelStructure = {
  name: "mutex",
  size: 32,
  members: [
    structure("owner", 0, ATOMIC64),
    structure("wait_lock", 8, RAW_SPINLOCK),
    structure("osq", 12, OPTIMISTIC_SPIN_QUEUE),
    structure("wait_list", 16, LIST_HEAD),
  ],
};
const WORK_STRUCT: KernelStructure = {
  name: "work_struct",
  size: 32,
  members: [structure("data", 0, ATOMIC64), structure("entry", 8, LIST_HEAD), address("func", 24)],
};
const CALLBACK_HEAD: KernelStructure = {
  name: "callback_head",
  size: 16,
  members: [object("next", 0), address("func", 8)],
};
const MAP_RELEASE: KernelStructure = {
  name: "",
  size: 32,
  union: true,
  members: [structure("work", 0, WORK_STRUCT), structure("rcu", 0, CALLBACK_HEAD)],
};
const SPINLOCK_LOCK: KernelStructure = {
  name: "",
  size: 4,
  union: true,
  members: [structure("rlock", 0, RAW_SPINLOCK)],
};
const SPINLOCK: KernelStructure = { name: "spinlock", size: 4, members: [structure("", 0, SPINLOCK_LOCK)] };
const BPF_MAP: KernelStructure = {
  name: "bpf_map",
  size: 296,
  members: [
    number("sha", 0, 32),
    number("excl", 32, 4),
    object("ops", 40),
    object("inner_map_meta", 48),
    address("security", 56),
    number("map_type", 64, 4),
    number("key_size", 68, 4),
    number("value_size", 72, 4),
    number("max_entries", 76, 4),
    number("map_extra", 80, 8),
    number("map_flags", 88, 4),
    number("id", 92, 4),
    object("record", 96),
    number("numa_node", 104, 4),
    number("btf_key_type_id", 108, 4),
    number("btf_value_type_id", 112, 4),
    number("btf_vmlinux_value_type_id", 116, 4),
    object("btf", 120),
    object("objcg", 128),
    number("name", 136, 16),
    structure("freeze_mutex", 152, MUTEX),
    structure("refcnt", 184, ATOMIC64),
    structure("usercnt", 192, ATOMIC64),
    structure("", 200, MAP_RELEASE),
    structure("writecnt", 232, ATOMIC64),
    structure("owner_lock", 240, SPINLOCK),
    object("owner", 248),
    number("bypass_spec_v1", 256, 1),
    number("frozen", 257, 1),
    number("init_private", 258, 1),
    number("free_after_mult_rcu_gp", 259, 1),
    number("free_after_rcu_gp", 260, 1),
    structure("sleepable_refcnt", 264, ATOMIC64),
    address("elem_count", 272),
    number("cookie", 280, 8),
    address("excl_prog_sha", 288),
  ],
};
const BPF_MEM_ALLOC: KernelStructure = {
  name: "bpf_mem_alloc",
  size: 64,
  members: [
    object("caches", 0),
    object("cache", 8),
    object("objcg", 16),
    number("percpu", 24, 1),
    structure("work", 32, WORK_STRUCT),
  ],
};
const PCPU_FREELIST: KernelStructure = { name: "pcpu_freelist", size: 8, members: [object("freelist", 0)] };
const BPF_LRU_LIST: KernelStructure = {
  name: "bpf_lru_list",
  size: 128,
  members: [
    structure("lists", 0, LIST_HEAD, 3),
    number("counts", 48, 8),
    object("next_inactive_rotation", 56),
    structure("lock", 64, QSPINLOCK),
  ],
};
const BPF_COMMON_LRU: KernelStructure = {
  name: "bpf_common_lru",
  size: 192,
  members: [structure("lru_list", 0, BPF_LRU_LIST), object("local_list", 128)],
};
const LRU_LISTS: KernelStructure = {
  name: "",
  size: 192,
  union: true,
  members: [structure("common_lru", 0, BPF_COMMON_LRU), object("percpu_lru", 0)],
};
const BPF_LRU: KernelStructure = {
  name: "bpf_lru",
  size: 256,
  members: [
    structure("", 0, LRU_LISTS),
    address("del_from_htab", 192),
    address("del_arg", 200),
    number("hash_offset", 208, 4),
    number("target_free", 212, 4),
    number("nr_scans", 216, 4),
    number("percpu", 220, 1),
  ],
};
const FREE_ELEMENTS: KernelStructure = {
  name: "",
  size: 256,
  union: true,
  members: [structure("freelist", 0, PCPU_FREELIST), structure("lru", 0, BPF_LRU)],
};
const PERCPU_COUNTER: KernelStructure = {
  name: "percpu_counter",
  size: 40,
  members: [
    structure("lock", 0, RAW_SPINLOCK),
    number("count", 8, 8),
    structure("list", 16, LIST_HEAD),
    address("counters", 32),
  ],
};
export const BPF_HTAB: KernelStructure = {
  name: "bpf_htab",
  size: 832,
  members: [
    structure("map", 0, BPF_MAP),
    structure("ma", 296, BPF_MEM_ALLOC),
    structure("pcpu_ma", 360, BPF_MEM_ALLOC),
    object("buckets", 424),
    address("elems", 432),
    structure("", 448, FREE_ELEMENTS),
    address("extra_elems", 704),
    structure("pcount", 712, PERCPU_COUNTER),
    structure("count", 752, ATOMIC),
    number("use_percpu_counter", 756, 1),
    number("n_buckets", 760, 4),
    number("elem_size", 764, 4),
    number("hashrnd", 768, 4),
  ],
};
const EMPTY: KernelStructure = { name: "", size: 0, members: [] };
const ARRAY_VALUES: KernelStructure = {
  name: "",
  size: 0,
  members: [structure("__empty_value", 0, EMPTY), number("value", 0, 0)],
};
const ARRAY_POINTERS: KernelStructure = {
  name: "",
  size: 0,
  members: [structure("__empty_ptrs", 0, EMPTY), address("ptrs", 0, 0)],
};
const ARRAY_PERCPU_POINTERS: KernelStructure = {
  name: "",
  size: 0,
  members: [structure("__empty_pptrs", 0, EMPTY), address("pptrs", 0, 0)],
};
const ARRAY_ELEMENTS: KernelStructure = {
  name: "",
  size: 0,
  union: true,
  members: [structure("", 0, ARRAY_VALUES), structure("", 0, ARRAY_POINTERS), structure("", 0, ARRAY_PERCPU_POINTERS)],
};
export const BPF_ARRAY: KernelStructure = {
  name: "bpf_array",
  size: 312,
  members: [
    structure("map", 0, BPF_MAP),
    number("elem_size", 296, 4),
    number("index_mask", 300, 4),
    object("aux", 304),
    structure("", 312, ARRAY_ELEMENTS),
  ],
};
export const BPF_STACK_MAP: KernelStructure = {
  name: "bpf_stack_map",
  size: 320,
  members: [
    structure("map", 0, BPF_MAP),
    address("elems", 296),
    structure("freelist", 304, PCPU_FREELIST),
    number("n_buckets", 312, 4),
    object("buckets", 320, 0),
  ],
};
export const LPM_TRIE: KernelStructure = {
  name: "lpm_trie",
  size: 400,
  members: [
    structure("map", 0, BPF_MAP),
    object("root", 296),
    structure("ma", 304, BPF_MEM_ALLOC),
    number("n_entries", 368, 8),
    number("max_prefixlen", 376, 8),
    number("data_size", 384, 8),
    structure("lock", 392, QSPINLOCK),
  ],
};
export const BPF_DTAB: KernelStructure = {
  name: "bpf_dtab",
  size: 344,
  members: [
    structure("map", 0, BPF_MAP),
    address("netdev_map", 296),
    structure("list", 304, LIST_HEAD),
    object("dev_index_head", 320),
    structure("index_lock", 328, SPINLOCK),
    number("items", 332, 4),
    number("n_buckets", 336, 4),
  ],
};
const SK_PSOCK_PROGS: KernelStructure = {
  name: "sk_psock_progs",
  size: 64,
  members: [
    object("msg_parser", 0),
    object("stream_parser", 8),
    object("stream_verdict", 16),
    object("skb_verdict", 24),
    object("msg_parser_link", 32),
    object("stream_parser_link", 40),
    object("stream_verdict_link", 48),
    object("skb_verdict_link", 56),
  ],
};
export const BPF_STAB: KernelStructure = {
  name: "bpf_stab",
  size: 376,
  members: [
    structure("map", 0, BPF_MAP),
    address("sks", 296),
    structure("progs", 304, SK_PSOCK_PROGS),
    structure("lock", 368, SPINLOCK),
  ],
};
export const BPF_SHTAB: KernelStructure = {
  name: "bpf_shtab",
  size: 384,
  members: [
    structure("map", 0, BPF_MAP),
    object("buckets", 296),
    number("buckets_num", 304, 4),
    number("elem_size", 308, 4),
    structure("progs", 312, SK_PSOCK_PROGS),
    structure("count", 376, ATOMIC),
  ],
};
export const BPF_CPU_MAP: KernelStructure = {
  name: "bpf_cpu_map",
  size: 304,
  members: [structure("map", 0, BPF_MAP), address("cpu_map", 296)],
};
export const XSK_MAP: KernelStructure = {
  name: "xsk_map",
  size: 304,
  members: [
    structure("map", 0, BPF_MAP),
    structure("lock", 296, SPINLOCK),
    structure("count", 300, ATOMIC),
    object("xsk_map", 304, 0),
  ],
};
const RB_ROOT: KernelStructure = { name: "rb_root", size: 8, members: [object("rb_node", 0)] };
export const BPF_CGROUP_STORAGE_MAP: KernelStructure = {
  name: "bpf_cgroup_storage_map",
  size: 328,
  members: [
    structure("map", 0, BPF_MAP),
    structure("lock", 296, SPINLOCK),
    structure("root", 304, RB_ROOT),
    structure("list", 312, LIST_HEAD),
  ],
};
export const REUSEPORT_ARRAY: KernelStructure = {
  name: "reuseport_array",
  size: 296,
  members: [structure("map", 0, BPF_MAP), object("ptrs", 296, 0)],
};
export const BPF_QUEUE_STACK: KernelStructure = {
  name: "bpf_queue_stack",
  size: 312,
  members: [
    structure("map", 0, BPF_MAP),
    structure("lock", 296, QSPINLOCK),
    number("head", 300, 4),
    number("tail", 304, 4),
    number("size", 308, 4),
    number("elements", 312, 0),
  ],
};
export const BPF_LOCAL_STORAGE_MAP: KernelStructure = {
  name: "bpf_local_storage_map",
  size: 448,
  members: [
    structure("map", 0, BPF_MAP),
    object("buckets", 296),
    number("bucket_log", 304, 4),
    number("elem_size", 308, 2),
    number("cache_idx", 310, 2),
    structure("selem_ma", 312, BPF_MEM_ALLOC),
    structure("storage_ma", 376, BPF_MEM_ALLOC),
    number("bpf_ma", 440, 1),
  ],
};
export const BPF_RINGBUF_MAP: KernelStructure = {
  name: "bpf_ringbuf_map",
  size: 304,
  members: [structure("map", 0, BPF_MAP), object("rb", 296)],
};
export const BPF_BLOOM_FILTER: KernelStructure = {
  name: "bpf_bloom_filter",
  size: 312,
  members: [
    structure("map", 0, BPF_MAP),
    number("bitset_mask", 296, 4),
    number("hash_seed", 300, 4),
    number("nr_hash_funcs", 304, 4),
    number("bitset", 312, 0),
  ],
};
const RB_ROOT_CACHED: KernelStructure = {
  name: "rb_root_cached",
  size: 16,
  members: [structure("rb_root", 0, RB_ROOT), object("rb_leftmost", 8)],
};
const RANGE_TREE: KernelStructure = {
  name: "range_tree",
  size: 32,
  members: [structure("it_root", 0, RB_ROOT_CACHED), structure("range_size_root", 16, RB_ROOT_CACHED)],
};
export const BPF_ARENA: KernelStructure = {
  name: "bpf_arena",
  size: 400,
  members: [
    structure("map", 0, BPF_MAP),
    number("user_vm_start", 296, 8),
    number("user_vm_end", 304, 8),
    object("kern_vm", 312),
    structure("rt", 320, RANGE_TREE),
    structure("vma_list", 352, LIST_HEAD),
    structure("lock", 368, MUTEX),
  ],
};
