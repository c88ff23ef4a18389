import { Btf } from "@ebpf/btf";
import { MAP_FLAGS } from "@ebpf/platform";
import { describe, expect, test } from "vitest";
import { readMapDefinition, readObject } from "../src/index.js";
import { fixture, openFixture } from "./support/fixture.js";
import { locateSymbol, view } from "./support/locate.js";

const ORDERS = [
  ["little", "el"],
  ["big", "eb"],
] as const;

describe.each(ORDERS)("maps of features.c, %s-endian", (order, suffix) => {
  const object = openFixture(`features-${suffix}.o`);
  const maps = new Map([...object.maps.values()].map((map) => [map.name, map]));
  const u32 = (value: number) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, order === "little");
    return bytes;
  };

  test("are all there, with handles from 1 on", () => {
    expect(object.byteOrder).toBe(order);
    expect([...object.maps.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([...maps.keys()].sort()).toEqual(
      [".bss", ".data", ".kconfig", ".rodata", ".rodata.own", "bloom", "by_key", "inner_map", "outer", "tails"].sort(),
    );
  });

  test("a hash map with types, flags and a pin", () => {
    const map = maps.get("by_key")!;
    expect(map).toMatchObject({ type: "hash", keySize: 8, valueSize: 32, maxEntries: 128, flags: 1, pinning: "name" });
    expect(map.btf?.btf).toBe(object.btf);
    expect(object.btf?.typeName(map.btf?.keyTypeId ?? 0)).toBe("struct key");
    expect(object.btf?.typeName(map.btf?.valueTypeId ?? 0)).toBe("struct value");
  });

  test("sizes as numbers, and map_extra", () => {
    expect(maps.get("bloom")).toEqual({
      name: "bloom",
      type: "bloom_filter",
      keySize: 0,
      valueSize: 4,
      maxEntries: 64,
      flags: 0,
      extra: 3n,
    });
  });

  test("a map of maps knows its inner map, and what it begins with", () => {
    expect(maps.get("outer")).toMatchObject({
      type: "array_of_maps",
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
      inner: { name: "outer.inner", type: "array", keySize: 4, valueSize: 8, maxEntries: 4 },
      initial: [{ key: u32(1), value: { reference: "inner_map" } }],
    });
  });

  test("are described by the types alone, all but what they begin with", () => {
    const { initial, ...outer } = maps.get("outer")!;
    expect(initial).toHaveLength(1);
    expect(readMapDefinition(object.btf!, "outer")).toEqual(outer);
    expect(readMapDefinition(object.btf!, "absent")).toBeUndefined();
    expect(readMapDefinition(new Btf([]), "outer")).toBeUndefined();
  });

  test("a program array knows what it begins with", () => {
    expect(maps.get("tails")).toMatchObject({
      type: "prog_array",
      valueSize: 4,
      maxEntries: 3,
      initial: [{ key: u32(2), value: { reference: "tail" } }],
    });
  });

  test("global data become arrays of one value, read-only data frozen ones", () => {
    const format = new TextEncoder().encode("tail %d\0");
    expect(maps.get(".rodata")).toMatchObject({
      type: "array",
      keySize: 4,
      valueSize: 12,
      maxEntries: 1,
      flags: MAP_FLAGS.mmapable | MAP_FLAGS.readOnlyProgram,
      frozen: true,
      section: ".rodata",
      initial: [{ key: new Uint8Array(4), value: Uint8Array.from([...u32(7), ...format]) }],
    });
    expect(maps.get(".rodata.own")).toMatchObject({ frozen: true, initial: [{ value: u32(9) }] });
    expect(maps.get(".data")).toMatchObject({ flags: MAP_FLAGS.mmapable, initial: [{ value: u32(5) }] });
    expect(maps.get(".data")?.frozen).toBeUndefined();
    expect(maps.get(".bss")).toMatchObject({ valueSize: 36, flags: MAP_FLAGS.mmapable });
    expect(maps.get(".bss")?.initial).toBeUndefined();
  });

  test("the types of data sections have the offsets that the linker gave the variables", () => {
    const { btf } = object;
    const layout = (section: string) =>
      btf!.fields(btf!.findByName(section, "datasec")!).map(({ name, bitOffset }) => [name, bitOffset / 8]);
    expect(layout(".bss")).toEqual([
      ["zeros", 0],
      ["hidden_counter", 32],
    ]);
    expect(btf!.sizeOf(btf!.findByName(".bss", "datasec")!)).toBe(36);
    expect(maps.get(".bss")?.btf?.valueTypeId).toBe(btf!.findByName(".bss", "datasec"));
  });

  test("license and version", () => {
    expect(object.license).toBe("Dual MIT/GPL");
    expect(object.kernelVersion).toBe(0x060c00);
  });
});

test.each(ORDERS)("legacy maps, %s-endian", (_, suffix) => {
  const object = openFixture(`legacy-${suffix}.o`);
  expect([...object.maps]).toEqual([
    [1, { name: "counters", type: "array", keySize: 4, valueSize: 8, maxEntries: 16, flags: 0 }],
    [2, { name: "flows", type: "hash", keySize: 12, valueSize: 4, maxEntries: 99, flags: 1 }],
  ]);
  expect(object.license).toBe("");
  expect(object.btf).toBeUndefined();
});

test("a legacy map is as long as its symbol: others may leave gaps between them", () => {
  const bytes = fixture("legacy-el.o");
  const WITHOUT_FLAGS = 16n;
  const SIZE_OF_SYMBOL = 16;
  view(bytes).setBigUint64(locateSymbol(bytes, "flows") + SIZE_OF_SYMBOL, WITHOUT_FLAGS, true);
  expect([...readObject(bytes).maps.values()].map(({ name, flags }) => [name, flags])).toEqual([
    ["counters", 0],
    ["flows", 0],
  ]);
});
