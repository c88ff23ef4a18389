import { ERRNO } from "../errno.js";
import type { ProgramHost } from "../program-host.js";
import { type HelperTable, helper } from "./implementation.js";

/** The map of a helper's argument, whose key (and value) the program must be able to read. */
const keyed = (host: ProgramHost, handle: number, key: number, value?: number) => {
  const map = host.map(handle);
  host.requireReadable(key, map.spec.keySize);
  if (value !== undefined) host.requireReadable(value, map.spec.valueSize);
  return map;
};

/** A map without keys, whose value the program must be able to write. */
const valued = (host: ProgramHost, handle: number, value: number) => {
  const map = host.map(handle);
  host.requireWritable(value, map.spec.valueSize);
  return map;
};

/** Helpers on maps; the maps themselves say what an operation does. */
export const MAP_HELPERS: HelperTable = {
  bpf_map_lookup_elem: helper(["pointer", "pointer"], (host) => (map, key) => {
    return keyed(host, map, key).programLookup(key >>> 0);
  }),
  bpf_map_lookup_percpu_elem: helper(["pointer", "pointer", "word"], (host) => (map, key, cpu) => {
    return keyed(host, map, key).programLookupOnCpu(key >>> 0, cpu >>> 0);
  }),
  bpf_map_update_elem: helper(["pointer", "pointer", "pointer", "long"], (host) => (map, key, value, flags, high) => {
    const target = keyed(host, map, key, value);
    return high === 0 ? target.programUpdate(key >>> 0, value >>> 0, flags >>> 0) : -ERRNO.EINVAL;
  }),
  bpf_map_delete_elem: helper(["pointer", "pointer"], (host) => (map, key) => {
    return keyed(host, map, key).programDelete(key >>> 0);
  }),
  bpf_map_push_elem: helper(["pointer", "pointer", "long"], (host) => (handle, value, flags, high) => {
    const map = host.map(handle);
    host.requireReadable(value, map.spec.valueSize);
    return high === 0 ? map.programPush(value >>> 0, flags >>> 0) : -ERRNO.EINVAL;
  }),
  bpf_map_pop_elem: helper(["pointer", "pointer"], (host) => (map, value) => {
    return valued(host, map, value).programPop(value >>> 0);
  }),
  bpf_map_peek_elem: helper(["pointer", "pointer"], (host) => (map, value) => {
    return valued(host, map, value).programPeek(value >>> 0);
  }),
};
