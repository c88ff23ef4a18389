import { CELL, HASH_ELEMENT, MAP_HEADER, type Runtime, type RuntimeMap, STACK_LIMIT, STACK_TOP } from "@ebpf/runtime";
import type { Snapshot, Trace } from "./trace.js";

const roundUp8 = (size: number): number => Math.ceil(size / 8) * 8;

/** Addresses where the values of a map can lie: of all its elements, in use or not. */
export const valueAddresses = (map: RuntimeMap, runtime: Runtime): readonly number[] => {
  const { spec, handle } = map;
  const header = (word: keyof typeof MAP_HEADER): number => runtime.memory.cell(handle + MAP_HEADER[word]);
  const [data, entrySize] = [header("data"), header("entrySize")];
  const isHash = header("bucketMask") !== 0 || header("buckets") !== 0;
  const first = isHash ? data + HASH_ELEMENT.key + roundUp8(spec.keySize) : data;
  return Array.from({ length: spec.maxEntries }, (_, index) => first + index * entrySize);
};

/** Every map that a program can reach, by name; maps of maps lead to others. */
export const mapsByName = ({ maps }: Trace): ReadonlyMap<string, readonly RuntimeMap[]> => {
  const byName = new Map<string, RuntimeMap[]>();
  const add = (map: RuntimeMap): void => {
    byName.set(map.spec.name, [...(byName.get(map.spec.name) ?? []), map]);
  };
  for (const map of maps.values()) {
    add(map);
    for (const inner of map.innerMaps()) add(inner);
  }
  return byName;
};

/** The names that the verifier has for the memory at an address. */
export const regionsAt = (address: bigint, { packet }: Snapshot, { runtime, maps }: Trace): readonly string[] => {
  const at = Number(address);
  const { memory } = runtime;
  if (at >= STACK_LIMIT && at < STACK_TOP) return ["fp"];
  if (at >= memory.cell(CELL.context) && at < memory.cell(CELL.contextEnd)) return ["ctx"];
  if (at >= packet.meta && at < packet.data) return ["pkt_meta"];
  if (at >= packet.data && at < packet.end) return ["pkt", "pkt_meta"];
  for (const map of maps.values())
    if (map.permits(at, 1, false)) return map.spec.type === "ringbuf" ? ["mem"] : ["map_value"];
  return ["map_key", "mem", "sock", "sock_common", "tcp_sock", "flow_keys", "map_ptr"];
};
