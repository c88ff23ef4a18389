import { hexToBytes } from "@ebpf/core";
import { MAP_FLAGS, type MapSpec, type MapTypeName } from "@ebpf/platform";

const map = (
  name: string,
  type: MapTypeName,
  [keySize, valueSize, maxEntries]: readonly [number, number, number],
  more: Partial<MapSpec> = {},
): MapSpec => ({ name, type, keySize, valueSize, maxEntries, flags: 0, ...more });

const INNER = map("inner", "array", [4, 16, 4]);
const CONSTANTS = hexToBytes("0102030405060708fff0800000616263640025642025780000000000000000ff")!;
const KEY = new Uint8Array(4);

/**
 * The maps of generated programs, by handle: every program that uses a map uses one of these, so that whoever makes real
 * maps of them can make each once.
 */
export const FUZZ_MAPS: ReadonlyMap<number, MapSpec> = new Map(
  [
    map("array", "array", [4, 32, 4]),
    map("single", "array", [4, 64, 1]),
    map("bytes", "array", [4, 1, 4]),
    map("hash", "hash", [4, 32, 4]),
    map("wide_hash", "hash", [8, 24, 8]),
    map("odd_hash", "hash", [3, 5, 8]),
    map("lru", "lru_hash", [4, 8, 8]),
    map("cpu_array", "percpu_array", [4, 16, 4]),
    map("cpu_hash", "percpu_hash", [4, 16, 8]),
    map("trie", "lpm_trie", [8, 8, 8], { flags: MAP_FLAGS.noPrealloc }),
    map("queue", "queue", [0, 8, 4]),
    map("stack", "stack", [0, 8, 4]),
    map("ring", "ringbuf", [0, 0, 4096]),
    map("programs", "prog_array", [4, 4, 4]),
    map("events", "perf_event_array", [4, 4, 2]),
    map("stacks", "stack_trace", [4, 64, 8]),
    map("arrays", "array_of_maps", [4, 4, 4], { inner: INNER }),
    map("hashes", "hash_of_maps", [4, 4, 4], { inner: INNER }),
    map("devices", "devmap", [4, 4, 4]),
    map("cpus", "cpumap", [4, 4, 2]),
    map("sockets", "sockmap", [4, 4, 4]),
    map("socket_hash", "sockhash", [4, 4, 4]),
    map("bloom", "bloom_filter", [0, 8, 4]),
    map("cgroups", "cgroup_array", [4, 4, 4]),
    map("constants", "array", [4, CONSTANTS.length, 1], {
      flags: MAP_FLAGS.readOnlyProgram,
      initial: [{ key: KEY, value: CONSTANTS }],
      frozen: true,
    }),
    map("read_only", "array", [4, 16, 1], { flags: MAP_FLAGS.readOnlyProgram }),
    map("write_only", "array", [4, 16, 1], { flags: 1 << 8 }),
  ].map((spec, index) => [index + 1, spec]),
);

/** The handle of the map with this name. */
export const handleOf = (name: string): number => {
  for (const [handle, spec] of FUZZ_MAPS) if (spec.name === name) return handle;
  throw new RangeError(`there is no map ${name}`);
};
