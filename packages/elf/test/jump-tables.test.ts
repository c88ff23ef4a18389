import { assemble } from "@ebpf/asm";
import { readObject, writeObject } from "@ebpf/elf";
import { describe, expect, test } from "vitest";
import { programOf } from "./support/fixture.js";

/*
 * As clang 21 lays objects out: entries are bytes from the start of the section, not of the function. No compiler here
 * writes them, so these are written by hand after what LLVM and libbpf 1.8 agree on.
 */
const text = (entries: string, size: number): string => `.section xdp,"ax",@progbits
.globl other
.type other,@function
other: r0 = 0
  call choose
  exit
.globl main
.type main,@function
main: r1 = table ll
  r1 = *(u64 *)(r1 + 8)
  gotox r1
  r0 = 1
  exit
  r0 = 2
  call choose
  exit

.text
.type pad,@function
pad: r0 = 7
  exit
.type choose,@function
choose: r1 = subtable ll
  r1 = *(u64 *)(r1 + 0)
  gotox r1
  r0 = 3
  exit

.section .jumptables,"",@progbits
.type table,@object
table: .quad ${entries}
.size table, ${size}
.type subtable,@object
subtable: .quad 48
.size subtable, 8
`;

const written = (order: "little" | "big", entries = "56, 72", size = 16) =>
  readObject(
    writeObject({ assembly: assemble(text(entries, size), { dialect: "kernel", order }), order, license: "GPL" }),
  );

const words = (order: "little" | "big", bytes: unknown): number[] => {
  const view = new DataView((bytes as Uint8Array).slice().buffer);
  return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getUint32(4 * i, order === "little"));
};

describe.each(["little", "big"] as const)("jump tables, %s-endian", (order) => {
  const object = written(order);

  test("are maps of the program that jumps through them", () => {
    expect(object.maps.size).toBe(0);
    const main = programOf(object, "main");
    const [, table] = [...main.maps].find(([, map]) => map.maxEntries === 2)!;
    expect(table).toMatchObject({ name: ".jumptables", type: "insn_array", keySize: 4, valueSize: 16, frozen: true });
    // main begins at slot 3 of xdp: bytes 56 and 72 are its slots 4 and 6.
    expect(table.initial!.map(({ key, value }) => [words(order, key), words(order, value)])).toEqual([
      [[0], [4, 0, 0, 0]],
      [[1], [6, 0, 0, 0]],
    ]);
  });

  test("are referred to by their values' addresses", () => {
    const main = programOf(object, "main");
    const [handle] = [...main.maps].find(([, map]) => map.maxEntries === 2)!;
    expect(main.instructions[0]).toMatchObject({ op: { name: "lddw_map_value" }, imm: handle });
    expect(main.instructions[1]!.imm).toBe(0);
  });

  test("of a subprogram lead to where it stands in each program", () => {
    const targets = ["main", "other"].map((name) => {
      const map = [...programOf(object, name).maps.values()].find(({ maxEntries }) => maxEntries === 1);
      return words(order, map!.initial![0]!.value)[0];
    });
    // choose begins at slot 2 of .text; byte 48 is its slot 4. main has 9 slots, other 3.
    expect(targets).toEqual([9 + 4, 3 + 4]);
  });
});

describe("a jump table that can't be", () => {
  test.each([
    ["an entry before the function", "16, 72", 16, "BAD_JUMP_TABLE"],
    ["an entry behind the function", "56, 96", 16, "BAD_JUMP_TABLE"],
    ["an entry inside of an instruction", "56, 73", 16, "BAD_JUMP_TABLE"],
    ["half an entry", "56, 72", 12, "BAD_JUMP_TABLE"],
    ["no size", "56, 72", 0, "BAD_JUMP_TABLE"],
    ["a size beyond the section", "56, 72", 4096, "OUT_OF_RANGE"],
  ])("%s", (_, entries, size, code) => {
    const main = written("little", entries, size).programs.find(({ name }) => name === "main");
    expect(main).toMatchObject({ error: { code } });
  });
});
