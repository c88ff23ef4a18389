import { Btf, type BtfType } from "@ebpf/btf";
import { MAP_FLAGS } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { type KernelRecord, mapsWithoutContent, programOf } from "../src/kernel-records.js";
import { RECORD } from "./support/record.js";

const array = { fd: 1, name: "a", type: 2, key_size: 4, value_size: 8, max_entries: 1, map_flags: 0 };

/** `__uint(name, value)`: a pointer to an array of this length, as members of `struct { … } outer SEC(".maps")`. */
const OUTER: readonly BtfType[] = [
  { kind: "int", name: "int", size: 4, encoding: "signed", bitOffset: 0, bits: 32 },
  { kind: "array", elementType: 1, indexType: 1, length: 2 },
  { kind: "ptr", type: 2 },
  { kind: "array", elementType: 1, indexType: 1, length: 4 },
  { kind: "ptr", type: 4 },
  {
    kind: "struct",
    name: "",
    size: 32,
    members: [
      { name: "type", type: 3, bitOffset: 0, bitSize: 0 },
      { name: "key_size", type: 5, bitOffset: 64, bitSize: 0 },
      { name: "value_size", type: 5, bitOffset: 128, bitSize: 0 },
      { name: "max_entries", type: 3, bitOffset: 192, bitSize: 0 },
    ],
  },
  { kind: "ptr", type: 6 },
  { kind: "array", elementType: 7, indexType: 1, length: 0 },
  { kind: "array", elementType: 1, indexType: 1, length: 12 },
  { kind: "ptr", type: 9 },
  {
    kind: "struct",
    name: "",
    size: 8,
    members: [
      { name: "type", type: 10, bitOffset: 0, bitSize: 0 },
      { name: "values", type: 8, bitOffset: 64, bitSize: 0 },
    ],
  },
  { kind: "var", name: "outer", type: 11, linkage: "global" },
  { kind: "datasec", name: ".maps", size: 0, variables: [{ type: 12, offset: 0, size: 8 }] },
];

describe("maps of records", () => {
  const outer = { ...array, name: "outer", type: 12, value_size: 4 };
  const inner = (maps: KernelRecord["maps"] & object, btf = new Btf(OUTER)) =>
    programOf({ ...RECORD, btf: "t", maps }, new Map([["t", btf]])).maps.get(1)?.inner;

  it("hold what the object's types say, where the record doesn't", () => {
    expect(inner([outer])).toMatchObject({ type: "array", keySize: 4, valueSize: 4, maxEntries: 2 });
    expect(inner([{ ...outer, inner_map: array }])).toMatchObject({ name: "a", valueSize: 8 });
    expect(inner([outer], new Btf([]))).toBeUndefined();
    expect(inner([{ ...outer, type: 2 }])).toBeUndefined();
  });

  it("are without content when a loader froze them and the record doesn't know with what", () => {
    const constants = { ...array, map_flags: MAP_FLAGS.readOnlyProgram, internal: true };
    const names = (map: typeof constants & { frozen?: boolean }) => mapsWithoutContent({ ...RECORD, maps: [map] });
    expect(names(constants)).toEqual(["a"]);
    expect(names({ ...constants, frozen: true })).toEqual([]);
    expect(names({ ...constants, internal: false })).toEqual([]);
    expect(names({ ...constants, map_flags: 0 })).toEqual([]);
  });
});
