import { KeyedMap, PerfEventArray, QueueMap, RingBufferMap } from "@ebpf/runtime";
import type { Collection } from "../collection.js";
import type { LoadedMap } from "../map.js";
import { assignment } from "./load-options.js";
import { counted, ellipsis, type Output } from "./output.js";

/** What is in a map, for people and for machines. */
export interface MapContents {
  readonly name: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly json: unknown;
}

/** More lines than a person reads. */
const MAX_LINES = 20;
const MAX_WIDTH = 200;

/** `--events MAP=STRUCT`, taken apart. */
export const recordTypes = (options: readonly string[]): ReadonlyMap<string, string> =>
  new Map(options.map((text) => assignment("events", text)));

/** Leaves out entries that an array has from the start and nobody wrote to. */
const isWritten = (map: LoadedMap, values: readonly Uint8Array[]): boolean =>
  !map.type.endsWith("array") || values.some((bytes) => bytes.some((byte) => byte !== 0));

const keyedContents = (map: LoadedMap, raw: KeyedMap): MapContents => {
  const all = [...raw.entriesPerCpu()];
  const shown = all.filter(([, values]) => isWritten(map, values));
  const untouched = all.length - shown.length;
  const fill =
    untouched === 0 ? `${all.length} of ${map.spec.maxEntries}` : `${shown.length} not zero of ${all.length}`;
  return {
    name: map.name,
    title: `${map.name} (${map.type}, ${fill})`,
    lines: shown.map(
      ([key, values]) => `${map.format("key", key)} → ${values.map((bytes) => map.format("value", bytes)).join(" | ")}`,
    ),
    json: [...map.entries()].map(([key, value]) => ({ key, value })),
  };
};

const streamContents = (map: LoadedMap, type: string | undefined): MapContents => {
  const format = map.recordType(type);
  const records = (map.raw as RingBufferMap | PerfEventArray)
    .drain()
    .map((r) => (r instanceof Uint8Array ? r : r.data));
  return {
    name: map.name,
    title: `${map.name} (${map.type}, ${counted(records.length, "record")}, ${map.lost} lost)`,
    lines: records.map((bytes) => format.format(bytes)),
    json: { records: records.map((bytes) => format.decode(bytes)), lost: map.lost },
  };
};

const contentsOf = (map: LoadedMap, types: ReadonlyMap<string, string>): MapContents => {
  const { raw } = map;
  if (raw instanceof KeyedMap) return keyedContents(map, raw);
  if (raw instanceof RingBufferMap || raw instanceof PerfEventArray) return streamContents(map, types.get(map.name));
  const title =
    raw instanceof QueueMap ? `${map.name} (${map.type}, ${counted(raw.size, "value")})` : `${map.name} (${map.type})`;
  return { name: map.name, title, lines: [], json: null };
};

/**
 * The contents of all maps of a collection. Takes records out of ring buffers and perf event arrays.
 *
 * @param types the structure that the records of a map hold, by the map's name
 */
export const mapContents = (collection: Collection, types: ReadonlyMap<string, string>): MapContents[] => {
  for (const name of types.keys()) collection.map(name);
  return Object.values(collection.maps).map((map) => contentsOf(map, types));
};

/** Prints maps and global variables. */
export const printMaps = (maps: readonly MapContents[], collection: Collection, output: Output): void => {
  for (const { title, lines } of maps) {
    output.line();
    output.line(`  ${title}`);
    for (const line of lines.slice(0, MAX_LINES)) output.line(`    ${ellipsis(line, MAX_WIDTH)}`);
    if (lines.length > MAX_LINES) output.line(`    … and ${lines.length - MAX_LINES} more (--json has all)`);
  }
  const { variables } = collection;
  if (variables.names.length === 0) return;
  output.line();
  output.line("  global variables");
  for (const name of variables.names) output.line(`    ${ellipsis(`${name} = ${variables.format(name)}`, MAX_WIDTH)}`);
};
