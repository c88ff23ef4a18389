import { type BtfType, decodeBtf } from "@ebpf/btf";
import { type ByteOrder, MalformedError } from "@ebpf/core";
import { describe, expect, test } from "vitest";
import { info, rawBtf } from "./support/raw.js";

const ORDERS: readonly ByteOrder[] = ["little", "big"];

/*   0 1   5 7 9 11 */
const STRINGS = "\0int\0s\0a\0b\0f\0";
const INT = [1, info(1), 4, 0x0100_0020];

/** The 19 kinds, written as the documentation of the format lays them out. */
const CASES: readonly (readonly [string, readonly number[], BtfType])[] = [
  [
    "int",
    [1, info(1), 4, 0x0100_0020],
    { kind: "int", name: "int", size: 4, encoding: "signed", bits: 32, bitOffset: 0 },
  ],
  [
    "bool",
    [1, info(1), 1, 0x0400_0008],
    { kind: "int", name: "int", size: 1, encoding: "bool", bits: 8, bitOffset: 0 },
  ],
  [
    "int of few bits",
    [1, info(1), 4, 0x0003_0005],
    { kind: "int", name: "int", size: 4, encoding: "none", bits: 5, bitOffset: 3 },
  ],
  // clang describes `enum later *pointer;` so, and libbpf takes it.
  ["enum that is only declared", [5, info(6), 0], { kind: "enum", name: "s", size: 0, signed: false, values: [] }],
  ["ptr", [0, info(2), 1], { kind: "ptr", type: 1 }],
  ["array", [0, info(3), 0, 1, 1, 7], { kind: "array", elementType: 1, indexType: 1, length: 7 }],
  [
    "struct",
    [5, info(4, 2), 8, 7, 1, 0, 9, 1, 32],
    {
      kind: "struct",
      name: "s",
      size: 8,
      members: [
        { name: "a", type: 1, bitOffset: 0, bitSize: 0 },
        { name: "b", type: 1, bitOffset: 32, bitSize: 0 },
      ],
    },
  ],
  [
    "struct with bitfields",
    [5, info(4, 2, 1), 4, 7, 1, (3 << 24) | 0, 9, 1, (5 << 24) | 3],
    {
      kind: "struct",
      name: "s",
      size: 4,
      members: [
        { name: "a", type: 1, bitOffset: 0, bitSize: 3 },
        { name: "b", type: 1, bitOffset: 3, bitSize: 5 },
      ],
    },
  ],
  [
    "union",
    [5, info(5, 1), 4, 7, 1, 0],
    { kind: "union", name: "s", size: 4, members: [{ name: "a", type: 1, bitOffset: 0, bitSize: 0 }] },
  ],
  [
    "unsigned enum",
    [5, info(6, 1), 4, 7, 0xffff_ffff],
    { kind: "enum", name: "s", size: 4, signed: false, values: [{ name: "a", value: 0xffff_ffff }] },
  ],
  [
    "signed enum",
    [5, info(6, 1, 1), 4, 7, 0xffff_ffff],
    { kind: "enum", name: "s", size: 4, signed: true, values: [{ name: "a", value: -1 }] },
  ],
  ["fwd of a struct", [5, info(7), 0], { kind: "fwd", name: "s", target: "struct" }],
  ["fwd of a union", [5, info(7, 0, 1), 0], { kind: "fwd", name: "s", target: "union" }],
  ["typedef", [5, info(8), 1], { kind: "typedef", name: "s", type: 1 }],
  ["volatile", [0, info(9), 1], { kind: "volatile", type: 1 }],
  ["const", [0, info(10), 1], { kind: "const", type: 1 }],
  ["restrict", [0, info(11), 1], { kind: "restrict", type: 1 }],
  ["func", [11, info(12, 1), 1], { kind: "func", name: "f", type: 1, linkage: "global" }],
  [
    "func_proto",
    [0, info(13, 2), 1, 7, 1, 0, 0],
    {
      kind: "func_proto",
      returnType: 1,
      parameters: [
        { name: "a", type: 1 },
        { name: "", type: 0 },
      ],
    },
  ],
  ["var", [7, info(14), 1, 2], { kind: "var", name: "a", type: 1, linkage: "extern" }],
  [
    "datasec",
    [5, info(15, 1), 12, 1, 4, 8],
    { kind: "datasec", name: "s", size: 12, variables: [{ type: 1, offset: 4, size: 8 }] },
  ],
  ["float", [5, info(16), 8], { kind: "float", name: "s", size: 8 }],
  [
    "decl_tag",
    [5, info(17), 1, 0xffff_ffff],
    { kind: "decl_tag", name: "s", type: 1, component: -1, attribute: false },
  ],
  ["type_tag", [5, info(18), 1], { kind: "type_tag", name: "s", type: 1, attribute: false }],
  ["attribute", [5, info(18, 0, 1), 1], { kind: "type_tag", name: "s", type: 1, attribute: true }],
  [
    "enum64",
    [5, info(19, 1), 8, 7, 0x8765_4321, 0xfedc_ba98],
    { kind: "enum64", name: "s", size: 8, signed: false, values: [{ name: "a", value: 0xfedc_ba98_8765_4321n }] },
  ],
  [
    "signed enum64",
    [5, info(19, 1, 1), 8, 7, 0xffff_fffe, 0xffff_ffff],
    { kind: "enum64", name: "s", size: 8, signed: true, values: [{ name: "a", value: -2n }] },
  ],
];

describe.each(ORDERS)("%s-endian", (order) => {
  test.each(CASES)("%s", (_, words, expected) => {
    const btf = decodeBtf(rawBtf(order, [...INT, ...words], STRINGS));
    expect(btf.order).toBe(order);
    expect(btf.types).toHaveLength(3);
    expect(btf.type(0)).toEqual({ kind: "void" });
    expect(btf.type(2)).toEqual(expected);
  });
});

const failure = (bytes: Uint8Array): MalformedError => {
  try {
    decodeBtf(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return error;
    throw error;
  }
  throw new Error("decoded");
};

describe("malformed", () => {
  const one = (...words: number[]) => rawBtf("little", [...INT, ...words], STRINGS);
  const patched = (offset: number, value: number) => {
    const bytes = rawBtf("little", INT, STRINGS);
    bytes[offset] = value;
    return bytes;
  };

  test.each<[string, Uint8Array, string, string, number]>([
    ["empty input", new Uint8Array(0), "TRUNCATED", ".BTF", 0],
    ["another magic number", patched(0, 0), "BAD_VALUE", ".BTF", 0],
    ["another version", patched(2, 9), "UNSUPPORTED", ".BTF", 2],
    ["unknown flags", patched(3, 1), "UNSUPPORTED", ".BTF", 3],
    ["a header that is too short", patched(4, 20), "OUT_OF_RANGE", ".BTF", 4],
    ["types that aren't aligned", patched(8, 2), "BAD_VALUE", ".BTF", 8],
    ["types outside of the data", patched(13, 0xff), "OUT_OF_RANGE", ".BTF", 24],
    ["strings outside of the data", patched(21, 0xff), "OUT_OF_RANGE", ".BTF", 40],
    ["half a type", one(0, info(2)), "TRUNCATED", ".BTF/types[2]", 40],
    ["an unknown kind", one(0, info(20), 0), "UNSUPPORTED", ".BTF/types[2]", 40],
    ["kind 0", one(0, info(0), 0), "UNSUPPORTED", ".BTF/types[2]", 40],
    ["65,535 members in 12 bytes", one(5, info(4, 0xffff), 4), "TRUNCATED", ".BTF/types[2]", 40],
    ["a name outside of the strings", one(99, info(8), 1), "OUT_OF_RANGE", ".BTF/types[2]", 40],
    ["a name inside of a string", one(2, info(8), 1), "OUT_OF_RANGE", ".BTF/types[2]", 40],
    ["a type that isn't there", one(0, info(2), 3), "OUT_OF_RANGE", ".BTF/types[2]", 40],
    [
      "a member's type that isn't there",
      one(5, info(4, 2), 8, 7, 1, 0, 9, 77, 32),
      "OUT_OF_RANGE",
      ".BTF/types[2]/members[1]",
      40,
    ],
    [
      "a member's name that isn't there",
      one(5, info(4, 1), 8, 99, 1, 0),
      "OUT_OF_RANGE",
      ".BTF/types[2]/members[0]",
      40,
    ],
    [
      "a member outside of the structure",
      one(5, info(4, 1), 4, 7, 1, 33),
      "OUT_OF_RANGE",
      ".BTF/types[2]/members[0]",
      60,
    ],
    ["a union's member behind its start", one(5, info(5, 1), 4, 7, 1, 8), "BAD_VALUE", ".BTF/types[2]/members[0]", 60],
    ["an integer of more bits than bytes", one(1, info(1), 1, 9), "OUT_OF_RANGE", ".BTF/types[2]", 40],
    ["two encodings at once", one(1, info(1), 4, 0x0300_0020), "BAD_VALUE", ".BTF/types[2]", 40],
    ["an enumeration of 3 bytes", one(5, info(6), 3), "BAD_VALUE", ".BTF/types[2]", 40],
    ["an unknown linkage", one(11, info(12, 3), 1), "BAD_VALUE", ".BTF/types[2]", 40],
    ["strings without an end", rawBtf("little", [], "\0abc"), "BAD_VALUE", ".BTF/strings", 27],
    ["strings that don't begin with the empty one", rawBtf("little", [], "abc\0"), "BAD_VALUE", ".BTF/strings", 24],
  ])("%s", (_, bytes, code, path, offset) => {
    expect(failure(bytes)).toMatchObject({ code, path, offset });
  });

  test("an enumeration of no bytes that has values", () => {
    expect(failure(one(5, info(6, 1), 0, 7, 1))).toMatchObject({ code: "BAD_VALUE" });
  });

  test("the wrong byte order where one is asked for", () => {
    expect(() => decodeBtf(rawBtf("big", INT, STRINGS), { order: "little" })).toThrow(MalformedError);
  });
});

describe("split BTF", () => {
  test("continues the ids and strings of its base", () => {
    const base = decodeBtf(rawBtf("little", INT, STRINGS));
    // String 1 is the base's, string 13 the first of its own.
    const split = decodeBtf(rawBtf("little", [13, info(8), 1, 1, info(8), 2], "mine\0"), { base });
    expect(split.firstId).toBe(2);
    expect(split.type(1)).toBe(base.type(1));
    expect(split.type(2)).toEqual({ kind: "typedef", name: "mine", type: 1 });
    expect(split.type(3)).toEqual({ kind: "typedef", name: "int", type: 2 });
  });
});
