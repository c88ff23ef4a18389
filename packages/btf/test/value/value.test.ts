import { Btf, BtfError, type BtfType, type BtfValue, decodeValue, encodeValue, formatValue } from "@ebpf/btf";
import type { ByteOrder } from "@ebpf/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const int = (name: string, size: number, encoding: "none" | "signed" | "bool" = "none"): BtfType => ({
  kind: "int",
  name,
  size,
  encoding,
  bits: 8 * size,
  bitOffset: 0,
});

const member = (name: string, type: number, bitOffset: number, bitSize = 0) => ({ name, type, bitOffset, bitSize });

const btf = new Btf([
  int("unsigned int", 4), // 1
  int("int", 4, "signed"), // 2
  int("long long", 8, "signed"), // 3
  int("unsigned long long", 8), // 4
  int("char", 1, "signed"), // 5
  int("unsigned char", 1), // 6
  int("_Bool", 1, "bool"), // 7
  { kind: "float", name: "float", size: 4 }, // 8
  { kind: "float", name: "double", size: 8 }, // 9
  { kind: "ptr", type: 0 }, // 10
  { kind: "array", elementType: 5, indexType: 1, length: 8 }, // 11 char[8]
  { kind: "array", elementType: 6, indexType: 1, length: 6 }, // 12 unsigned char[6]
  {
    kind: "enum",
    name: "color",
    size: 4,
    signed: true,
    values: [
      { name: "RED", value: 0 },
      { name: "NONE", value: -1 },
    ],
  }, // 13
  { kind: "enum64", name: "big", size: 8, signed: false, values: [{ name: "TOP", value: 1n << 63n }] }, // 14
  {
    kind: "struct",
    name: "bits",
    size: 4,
    members: [member("a", 1, 0, 3), member("b", 2, 3, 7), member("c", 1, 10, 22)],
  }, // 15
  { kind: "union", name: "", size: 4, members: [member("word", 1, 0), member("bytes", 18, 0)] }, // 16
  {
    kind: "struct",
    name: "event",
    size: 24,
    members: [member("pid", 1, 0), member("", 16, 32), member("comm", 11, 64), member("when", 3, 128)],
  }, // 17
  { kind: "array", elementType: 6, indexType: 1, length: 4 }, // 18 unsigned char[4]
  { kind: "typedef", name: "event_t", type: 17 }, // 19
  { kind: "struct", name: "odd", size: 4, members: [member("__proto__", 1, 0)] }, // 20
  { kind: "var", name: "counter", type: 1, linkage: "global" }, // 21
  { kind: "datasec", name: ".bss", size: 8, variables: [{ type: 21, offset: 4, size: 4 }] }, // 22
  int("__int128", 16, "signed"), // 23
  { kind: "fwd", name: "gone", target: "struct" }, // 24
  { kind: "float", name: "long double", size: 16 }, // 25
  { kind: "struct", name: "liar", size: 4, members: [member("big", 4, 0)] }, // 26: larger inside than outside
  { kind: "struct", name: "empty", size: 0, members: [] }, // 27
  { kind: "array", elementType: 27, indexType: 1, length: 0xffff_ffff }, // 28
  { kind: "array", elementType: 1, indexType: 1, length: 0xffff_ffff }, // 29
]);

interface Case {
  readonly name: string;
  readonly type: number;
  readonly value: BtfValue;
  readonly little: readonly number[];
  readonly big: readonly number[];
  readonly text: string;
}

const mirrored = (name: string, type: number, value: BtfValue, little: readonly number[], text: string): Case => ({
  name,
  type,
  value,
  little,
  big: little.toReversed(),
  text,
});

const same = (name: string, type: number, value: BtfValue, bytes: readonly number[], text: string): Case => ({
  name,
  type,
  value,
  little: bytes,
  big: bytes,
  text,
});

const CASES: readonly Case[] = [
  mirrored("unsigned int", 1, 0x8000_0001, [1, 0, 0, 0x80], "2147483649"),
  mirrored("int", 2, -2, [0xfe, 0xff, 0xff, 0xff], "-2"),
  mirrored("long long", 3, -3n, [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "-3"),
  mirrored("unsigned long long", 4, 2n ** 64n - 1n, Array(8).fill(0xff), "18446744073709551615"),
  mirrored("__int128", 23, -1n, Array(16).fill(0xff), "-1"),
  same("a single char", 5, -1, [0xff], "-1"),
  same("_Bool", 7, true, [1], "true"),
  mirrored("float", 8, 1.5, [0, 0, 0xc0, 0x3f], "1.5"),
  mirrored("double", 9, -2, [0, 0, 0, 0, 0, 0, 0, 0xc0], "-2"),
  mirrored("pointer", 10, 0xffff_8880_0000_0010n, [0x10, 0, 0, 0, 0x80, 0x88, 0xff, 0xff], "0xffff888000000010"),
  same("char[8]", 11, "bash", [0x62, 0x61, 0x73, 0x68, 0, 0, 0, 0], '"bash"'),
  same("unsigned char[6]", 12, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], "[1, 2, 3, 4, 5, 6]"),
  same("equal elements", 12, [9, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0], "[9, 0 × 5]"),
  mirrored("enumeration", 13, -1, [0xff, 0xff, 0xff, 0xff], "NONE"),
  mirrored("enumeration without a name", 13, 5, [5, 0, 0, 0], "5"),
  mirrored("64-bit enumeration", 14, 1n << 63n, [0, 0, 0, 0, 0, 0, 0, 0x80], "TOP"),
  {
    // little: c = 0x155555 from bit 10, b = -3 in 7 bits (1111101) from bit 3, a = 5 in bits 0..2
    //   word = 0x155555 << 10 | 0x7d << 3 | 5 = 0x555557ed
    // big: a is the top three bits: 101 1111101 0101010101010101010101
    //   word = 5 << 29 | 0x7d << 22 | 0x155555 = 0xbf555555
    name: "bitfields",
    type: 15,
    value: { a: 5, b: -3, c: 0x15_5555 },
    little: [0xed, 0x57, 0x55, 0x55],
    big: [0xbf, 0x55, 0x55, 0x55],
    text: "{ a: 5, b: -3, c: 1398101 }",
  },
  {
    name: "a structure with an anonymous union",
    type: 19,
    value: { pid: 7, word: 0x0403_0201, bytes: [1, 2, 3, 4], comm: "sh", when: -1n },
    little: [7, 0, 0, 0, 1, 2, 3, 4, 0x73, 0x68, 0, 0, 0, 0, 0, 0, ...Array(8).fill(0xff)],
    big: [],
    text: '{ pid: 7, word: 67305985, bytes: [1, 2, 3, 4], comm: "sh", when: -1 }',
  },
  {
    name: "a data section",
    type: 22,
    value: { counter: 3 },
    little: [0, 0, 0, 0, 3, 0, 0, 0],
    big: [0, 0, 0, 0, 0, 0, 0, 3],
    text: "{ counter: 3 }",
  },
  same("a list of nothing", 28, [], [], "[]"),
];

const ORDERED = CASES.flatMap((row) =>
  (["little", "big"] as const)
    .filter((order) => order === "little" || row.big.length > 0 || row.little.length === 0)
    .map((order): [string, ByteOrder, Case] => [row.name, order, row]),
);

describe.each(ORDERED)("%s, %s-endian", (_, order, { type, value, text, ...bytes }) => {
  const data = Uint8Array.from(bytes[order]);

  test("decodes", () => {
    expect(decodeValue(btf, type, data, { order })).toEqual(value);
  });

  test("encodes", () => {
    expect(encodeValue(btf, type, value, { order })).toEqual(data);
  });

  test("formats", () => {
    expect(formatValue(btf, type, data, { order })).toBe(text);
  });
});

test("bits of any place and width come back, and disturb no others", () => {
  fc.assert(
    fc.property(
      fc.nat(40),
      fc.integer({ min: 1, max: 64 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.constantFrom<ByteOrder>("little", "big"),
      (bitOffset, bitSize, bits, order) => {
        const value = BigInt.asUintN(bitSize, bits);
        const types = new Btf([
          int("u64", 8),
          {
            kind: "struct",
            name: "s",
            size: 16,
            members: [
              member("before", 1, 0, bitOffset),
              member("field", 1, bitOffset, bitSize),
              member("after", 1, bitOffset + bitSize, 128 - bitOffset - bitSize),
            ].filter(({ bitSize: size }) => size > 0),
          },
        ]);
        const bytes = encodeValue(types, 2, { field: value }, { order });
        expect(decodeValue(types, 2, bytes, { order })).toEqual({
          ...(bitOffset > 0 ? { before: 0n } : {}),
          field: value,
          after: 0n,
        });
        const ones = bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
        expect(ones).toBe(value.toString(2).replaceAll("0", "").length);
      },
    ),
    { seed: 1, numRuns: 1000 },
  );
});

describe("encodeValue is kind", () => {
  test.each<[string, number, BtfValue, readonly number[]]>([
    ["a bigint for a small number", 1, 5n, [5, 0, 0, 0]],
    ["a number for a large one", 4, 5, [5, 0, 0, 0, 0, 0, 0, 0]],
    ["an enumeration by name", 13, "NONE", [0xff, 0xff, 0xff, 0xff]],
    ["a text that fills its place", 11, "12345678", [0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38]],
    ["a structure with members left out", 15, { b: 1 }, [8, 0, 0, 0]],
    ["one member of a union", 16, { bytes: [1, 0, 0, 2] }, [1, 0, 0, 2]],
  ])("%s", (_, type, value, bytes) => {
    expect([...encodeValue(btf, type, value)]).toEqual(bytes);
  });
});

const errorOf = (run: () => unknown): Partial<BtfError> => {
  try {
    run();
  } catch (error) {
    if (error instanceof BtfError) return { code: error.code, path: error.path };
    throw error;
  }
  return {};
};

describe("values that don't fit", () => {
  test.each<[string, number, unknown, string, string]>([
    ["too large", 1, 2 ** 32, "VALUE_RANGE", "unsigned int"],
    ["negative", 1, -1, "VALUE_RANGE", "unsigned int"],
    ["too small for its bits", 15, { b: -65 }, "VALUE_RANGE", "struct bits.b"],
    ["fractional", 2, 1.5, "VALUE_TYPE", "int"],
    ["not a number", 2, Number.NaN, "VALUE_TYPE", "int"],
    ["a number for a bool", 7, 1, "VALUE_TYPE", "_Bool"],
    ["too long", 17, { comm: "123456789" }, "VALUE_RANGE", "struct event.comm"],
    ["too few elements", 17, { bytes: [1, 2, 3] }, "VALUE_SIZE", "struct event.bytes"],
    ["an element out of range", 17, { bytes: [1, 2, 3, 256] }, "VALUE_RANGE", "struct event.bytes[3]"],
    ["an unknown member", 17, { pdi: 1 }, "VALUE_TYPE", "struct event"],
    ["an unknown name", 13, "BLUE", "VALUE_RANGE", "enum color"],
    ["null", 17, null, "VALUE_TYPE", "struct event"],
    ["undefined", 1, undefined, "VALUE_TYPE", "unsigned int"],
    ["an object for a text", 11, {}, "VALUE_TYPE", "char[8]"],
    ["a member outside of its structure", 26, { big: 1 }, "VALUE_SIZE", "struct liar.big"],
  ])("%s", (_, type, value, code, path) => {
    expect(errorOf(() => encodeValue(btf, type, value as BtfValue))).toEqual({ code, path });
  });

  test("a type without values", () => {
    expect(errorOf(() => encodeValue(btf, 24, {})).code).toBe("INCOMPLETE_TYPE");
    expect(errorOf(() => decodeValue(btf, 25, new Uint8Array(16))).code).toBe("UNSUPPORTED");
  });

  test("a type of gigabytes", () => {
    expect(errorOf(() => encodeValue(btf, 29, [])).code).toBe("LIMIT");
  });
});

describe("bytes that don't hold the value", () => {
  test("too few", () => {
    expect(errorOf(() => decodeValue(btf, 17, new Uint8Array(23)))).toEqual({
      code: "VALUE_SIZE",
      path: "struct event",
    });
    expect(errorOf(() => decodeValue(btf, 29, new Uint8Array(64))).code).toBe("VALUE_SIZE");
  });

  test("members outside of the structure", () => {
    expect(errorOf(() => decodeValue(btf, 26, new Uint8Array(4)))).toEqual({
      code: "VALUE_SIZE",
      path: "struct liar.big",
    });
  });

  test("unions of unions end", () => {
    const types: BtfType[] = [int("int", 4)];
    for (let i = 0; i < 30; i++) {
      types.push({ kind: "union", name: `u${i}`, size: 4, members: [member("x", i + 1, 0), member("y", i + 1, 0)] });
    }
    expect(errorOf(() => decodeValue(new Btf(types), 31, new Uint8Array(4))).code).toBe("LIMIT");
  });
});

test("a member called __proto__ is only a member", () => {
  const value = decodeValue(btf, 20, Uint8Array.of(9, 0, 0, 0));
  expect(Object.getOwnPropertyDescriptor(value, "__proto__")?.value).toBe(9);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect([...encodeValue(btf, 20, value)]).toEqual([9, 0, 0, 0]);
});

test("text is the bytes up to the first zero", () => {
  expect(decodeValue(btf, 11, Uint8Array.of(0x61, 0, 0x62, 0, 0, 0, 0, 0))).toBe("a");
});

test.each(["little", "big"] as const)("network-order numbers read as they stand in memory, %s-endian", (order) => {
  const network = new Btf([
    int("unsigned int", 4), // 1
    { kind: "typedef", name: "__be32", type: 1 }, // 2
    { kind: "typedef", name: "address", type: 2 }, // 3
    { kind: "const", type: 3 }, // 4
  ]);
  const address = Uint8Array.of(192, 0, 2, 1);
  expect(formatValue(network, 4, address, { order })).toBe("0xc0000201");
  expect(formatValue(network, 1, address, { order })).toBe(order === "little" ? "16908480" : "3221225985");
});
