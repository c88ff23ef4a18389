import { MAP_FLAGS, type MapSpec, type MapTypeName } from "@ebpf/platform";
import { possibleCpus } from "./cpus.js";

const PER_CPU: ReadonlySet<MapTypeName> = new Set([
  "percpu_hash",
  "percpu_array",
  "lru_percpu_hash",
  "percpu_cgroup_storage",
]);

/** Maps whose values are file descriptors when written, and ids when read. */
const OF_DESCRIPTORS: ReadonlySet<MapTypeName> = new Set([
  "prog_array",
  "perf_event_array",
  "cgroup_array",
  "array_of_maps",
  "hash_of_maps",
]);

/** How values pass between user space and kernel. */
export interface MapShape {
  /** Values in a row: one, or one for each possible CPU. */
  readonly cpus: number;
  /** Bytes of all of them. */
  readonly valueBytes: number;
}

/** How the values of a map pass between user space and kernel. */
export const shapeOf = (spec: MapSpec): MapShape => {
  const { type } = spec;
  const { valueSize } = sizesOf(spec);
  if (OF_DESCRIPTORS.has(type)) return { cpus: 1, valueBytes: 4 };
  if (!PER_CPU.has(type)) return { cpus: 1, valueBytes: valueSize };
  const cpus = possibleCpus();
  return { cpus, valueBytes: cpus * 8 * Math.ceil(valueSize / 8) };
};

/**
 * The sizes of key and value that the kernel is asked for. A map of maps holds descriptors, whatever the object says of its
 * values; a structure of functions is one of the kernel; and what an object says of the values of a ring buffer describes the records, as ring buffers have none.
 */
export const sizesOf = (spec: MapSpec): Pick<MapSpec, "keySize" | "valueSize"> => {
  const { type, keySize, valueSize, inner, structOps } = spec;
  if (structOps?.kernel !== undefined) return { keySize, valueSize: structOps.kernel.valueSize };
  if (type === "ringbuf" || type === "user_ringbuf") return { keySize: 0, valueSize: 0 };
  return { keySize, valueSize: inner !== undefined && valueSize === 0 ? 4 : valueSize };
};

/** Maps that programs never write to: the kernel says so of them itself, and refuses to be told. */
const READ_ONLY_BY_TYPE: ReadonlySet<MapTypeName> = new Set(["devmap", "devmap_hash"]);

/** The flags that the kernel is asked for, which are not always those that it shows of the map. */
export const flagsOf = ({ type, flags }: MapSpec): number =>
  READ_ONLY_BY_TYPE.has(type) ? flags & ~MAP_FLAGS.readOnlyProgram : flags;

/** Bytes of a page; ring buffers are whole pages, and a power of two of them. */
const PAGE_SIZE = 4096;

/**
 * The number of entries that the kernel is asked for. Loaders fill in what an object may leave open: a perf event array
 * has one entry for each CPU, and a ring buffer is rounded up to a size that it can have.
 */
export const entriesOf = ({ type, maxEntries }: MapSpec): number => {
  if (type === "perf_event_array" && maxEntries === 0) return possibleCpus();
  if ((type !== "ringbuf" && type !== "user_ringbuf") || maxEntries === 0) return maxEntries;
  return Math.max(PAGE_SIZE, 2 ** Math.ceil(Math.log2(maxEntries)));
};

/**
 * Where user space says it maps an arena that gives no address itself. Nothing is mapped there; the verifier only wants to
 * know the address, which must be a page's and leave the arena within one window of 4 GiB.
 */
const ARENA_ADDRESS = 1n << 44n;

/** The `map_extra` that the kernel is given. */
export const extraOf = ({ type, extra }: MapSpec): bigint => extra ?? (type === "arena" ? ARENA_ADDRESS : 0n);
