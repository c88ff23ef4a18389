import type { ByteReader } from "@ebpf/core";
import { MAP_TYPES, type MapSpec, type MapTypeName } from "@ebpf/platform";
import type { ElfFile, ElfSection, ElfSymbol } from "../elf-file.js";
import { ElfError, type ElfErrorDetails } from "../errors.js";
import type { ObjectMap } from "./table.js";

/*
 * Maps before BTF: each symbol in the section `maps` is a structure of 32-bit words. All loaders agree on the first
 * five; what follows depends on whose header the program was compiled with, which shows in the size.
 *
 *   bytes  0     4         8           12           16      20         24         28        32
 *         ┌─────┬─────────┬───────────┬────────────┬───────┐                                      libbpf
 *         │type │key size │value size │max entries │flags  │inner index│NUMA node│              kernel samples
 *         └─────┴─────────┴───────────┴────────────┴───────┘id         │pinning  │inner id│inner index  iproute2
 */

const SMALLEST = 16;
const KERNEL_SAMPLES_SIZE = 28;
const IPROUTE2_SIZE = 36;

interface Definition {
  readonly symbol: ElfSymbol;
  readonly spec: MapSpec;
  /** iproute2's number of the map. */
  readonly id?: number;
  readonly innerIndex?: number;
  readonly innerId?: number;
}

/**
 * The maps of a `maps` section.
 *
 * @throws ElfError `BAD_MAP`, `BAD_SECTION`.
 */
export const readLegacyMaps = (file: ElfFile, section: ElfSection): ObjectMap[] => {
  const symbols = (file.symbolsBySection.get(section.index) ?? [])
    .filter(({ kind, name }) => (kind === "object" || kind === "none") && name !== "")
    .sort((a, b) => a.value - b.value);
  if (symbols.length === 0) return [];
  const share = Math.floor(section.size / symbols.length);
  const definitions = symbols.map((symbol) => readDefinition(section, symbol, symbol.size === 0 ? share : symbol.size));
  return definitions.map((definition) => ({
    spec: withInner(definition, definitions),
    section: section.index,
    offset: definition.symbol.value,
    isData: false,
  }));
};

const readDefinition = (section: ElfSection, symbol: ElfSymbol, size: number): Definition => {
  const entry = section.content.slice(symbol.value, size, symbol.name);
  if (size < SMALLEST) throw new ElfError("BAD_MAP", `a definition of ${size} bytes is too short`, entry);
  const spec: MapSpec = {
    name: symbol.name,
    type: mapTypeOf(entry.u32(0), entry),
    keySize: entry.u32(4),
    valueSize: entry.u32(8),
    maxEntries: entry.u32(12),
    flags: size >= 20 ? entry.u32(16) : 0,
  };
  return { symbol, ...extension(entry, spec) };
};

const extension = (entry: ByteReader, spec: MapSpec): Omit<Definition, "symbol"> => {
  switch (entry.length) {
    case KERNEL_SAMPLES_SIZE: {
      const numaNode = entry.u32(24);
      return { spec: numaNode === 0 ? spec : { ...spec, numaNode }, innerIndex: entry.u32(20) };
    }
    case IPROUTE2_SIZE: {
      const pinned: MapSpec = entry.u32(24) === 0 ? spec : { ...spec, pinning: "name" };
      return { spec: pinned, id: entry.u32(20), innerId: entry.u32(28) };
    }
    default:
      return { spec };
  }
};

const withInner = ({ spec, innerIndex, innerId }: Definition, all: readonly Definition[]): MapSpec => {
  if (!isMapOfMaps(spec.type)) return spec;
  const inner = innerId === undefined ? all[innerIndex ?? -1] : all.find(({ id }) => id === innerId && innerId !== 0);
  return inner === undefined || inner.spec === spec ? spec : { ...spec, inner: inner.spec };
};

/** Whether values of the type are maps. */
export const isMapOfMaps = (type: MapTypeName): boolean => type === "array_of_maps" || type === "hash_of_maps";

/**
 * The name of a map type.
 *
 * @throws ElfError `BAD_MAP` for a number without one.
 */
export const mapTypeOf = (number: number, place: ElfErrorDetails | ByteReader): MapTypeName => {
  const type = MAP_TYPES[number];
  if (type === undefined || type === "unspec") throw new ElfError("BAD_MAP", `map type ${number} is not known`, place);
  return type;
};
