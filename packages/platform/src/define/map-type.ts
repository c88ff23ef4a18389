import { PlatformError } from "../errors.js";
import { linux } from "../linux/linux.js";
import type { LinuxMapType } from "../map-types.js";
import type { MapSizes, MapTypeRules } from "../platform.js";

/** Types of maps that keep plain values, and no programs, maps or sockets. */
const STORES = [
  "hash",
  "lru_hash",
  "percpu_hash",
  "lru_percpu_hash",
  "array",
  "percpu_array",
  "lpm_trie",
  "queue",
  "stack",
] as const satisfies readonly LinuxMapType[];

/** A type of map of the embedder's own. */
export interface OwnMapType {
  /** How a runtime keeps such maps. Linux's helpers for that type work on them too. */
  readonly storedAs: (typeof STORES)[number];
  /** What a map of the type may be at most. */
  readonly atMost?: MapSizes;
}

/** @throws PlatformError `BAD_MAP_TYPE` */
export const mapTypeRules = (name: string, { storedAs, atMost = {} }: OwnMapType): MapTypeRules => {
  const rules = STORES.includes(storedAs) ? linux.mapTypes[storedAs] : undefined;
  if (rules === undefined) {
    const hint = `one of ${STORES.join(", ")}`;
    throw new PlatformError("BAD_MAP_TYPE", `maps of type ${name} can't be stored as ${storedAs}`, hint);
  }
  for (const [field, most] of Object.entries(atMost)) {
    if (Number.isInteger(most) && most >= 0) continue;
    throw new PlatformError("BAD_MAP_TYPE", `maps of type ${name} can't be limited to a ${field} of ${most}`);
  }
  // Only in a kernel such a map is a structure that programs may read.
  const { structure: _, ...stored } = rules;
  return { ...stored, storedAs, atMost };
};
