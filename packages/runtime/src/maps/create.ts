import type { LinuxMapType, MapSizes, MapSpec, MapTypeName } from "@ebpf/platform";
import { RuntimeError } from "../errors.js";
import type { Runtime } from "../runtime.js";
import { ArrayMap } from "./array.js";
import { HashMap, HashOfMaps } from "./hash.js";
import { KeyedMap } from "./keyed-map.js";
import { LpmTrie } from "./lpm-trie.js";
import { PerfEventArray } from "./perf-event-array.js";
import { QueueMap } from "./queue.js";
import { ReferenceArray } from "./reference-array.js";
import { RingBufferMap } from "./ringbuf.js";
import { badMap, type RuntimeMap } from "./runtime-map.js";

type MapClass = new (spec: MapSpec, runtime: Runtime) => RuntimeMap;

/** The implementation of each type of map that has one. */
const IMPLEMENTATIONS: ReadonlyMap<MapTypeName, MapClass> = new Map<LinuxMapType, MapClass>([
  ["array", ArrayMap],
  ["percpu_array", ArrayMap],
  ["hash", HashMap],
  ["percpu_hash", HashMap],
  ["lru_hash", HashMap],
  ["lru_percpu_hash", HashMap],
  ["lpm_trie", LpmTrie],
  ["prog_array", ReferenceArray],
  ["array_of_maps", ReferenceArray],
  ["devmap", ReferenceArray],
  ["cpumap", ReferenceArray],
  ["xskmap", ReferenceArray],
  ["hash_of_maps", HashOfMaps],
  ["devmap_hash", HashMap],
  ["queue", QueueMap],
  ["stack", QueueMap],
  ["ringbuf", RingBufferMap],
  ["perf_event_array", PerfEventArray],
]);

/** Types that have no values of their own, and types whose number of entries the loader may choose. */
const WITHOUT_VALUES: ReadonlySet<MapTypeName> = new Set(["ringbuf"]);
const WITHOUT_ENTRIES: ReadonlySet<MapTypeName> = new Set(["perf_event_array"]);

/**
 * Makes a map and writes the initial entries that are bytes; references to programs and maps are put in by whoever
 * knows their handles.
 *
 * @throws RuntimeError `UNSUPPORTED_MAP`, `BAD_MAP`, `BAD_LENGTH`, or `LIMIT` when the memory is used up.
 */
export const createMap = (spec: MapSpec, runtime: Runtime): RuntimeMap => {
  const { storedAs: type = spec.type, atMost = {} } = runtime.platform.mapTypes[spec.type] ?? {};
  const Implementation = IMPLEMENTATIONS.get(type);
  if (Implementation === undefined) {
    throw new RuntimeError("UNSUPPORTED_MAP", `map ${spec.name}: maps of type ${type} are not supported`);
  }
  requireSize(spec, "keySize", 0, atMost);
  requireSize(spec, "valueSize", WITHOUT_VALUES.has(type) ? 0 : 1, atMost);
  requireSize(spec, "maxEntries", WITHOUT_ENTRIES.has(type) ? 0 : 1, atMost);
  const map = new Implementation(type === spec.type ? spec : { ...spec, type }, runtime);
  writeInitial(map, spec);
  if (spec.frozen) map.freeze();
  return map;
};

const requireSize = (spec: MapSpec, field: keyof MapSizes, least: number, atMost: MapSizes): void => {
  const value = spec[field];
  const most = Math.min(atMost[field] ?? Number.POSITIVE_INFINITY, 2 ** 32 - 1);
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw badMap(spec, `${field} is ${value}, and must be in ${least}..${most}`);
};

const writeInitial = (map: RuntimeMap, spec: MapSpec): void => {
  for (const { key, value } of spec.initial ?? []) {
    if (!(value instanceof Uint8Array)) continue;
    if (!(map instanceof KeyedMap)) throw badMap(spec, "it takes no initial entries");
    const error = map.initialize(key, value);
    if (error !== 0) throw badMap(spec, `an initial entry is refused with error ${-error}`);
  }
};
