import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, bytesToHex, hexToBytes, MalformedError } from "../src/index.js";

const reader = (hex: string, order: "little" | "big" = "little") => new ByteReader(hexToBytes(hex)!, order, "file");

const failureOf = (action: () => unknown): MalformedError => {
  try {
    action();
  } catch (error) {
    if (error instanceof MalformedError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("ByteReader", () => {
  it.each([
    ["little", 0x04030201, 0x0807060504030201n],
    ["big", 0x01020304, 0x0102030405060708n],
  ] as const)("reads numbers in %s order", (order, u32, u64) => {
    expect(reader("0102030405060708", order).u32(0)).toBe(u32);
    expect(reader("0102030405060708", order).u64(0)).toBe(u64);
  });

  it("reads signed numbers and text", () => {
    expect(reader("feffffff").i32(0)).toBe(-2);
    expect(reader("61c3a40062").cString(0)).toBe("aä");
  });

  it("says where the data ends, in offsets of the whole input", () => {
    const failure = failureOf(() => reader("00112233445566").slice(4, 3, "header").slice(1, 2, "[3]").u32(0));
    expect(failure).toMatchObject({ code: "TRUNCATED", path: "file/header[3]", offset: 5 });
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, 8])("refuses offset %d", (offset) => {
    expect(failureOf(() => reader("0011223344556677").u8(offset)).code).toBe("TRUNCATED");
  });

  it.each([
    [0, 9],
    [9, 0],
    [-1, 1],
    [4, -1],
    [2 ** 32, 1],
  ])("refuses a slice at %d of %d bytes", (offset, size) => {
    expect(failureOf(() => reader("0011223344556677").slice(offset, size, "part")).code).toBe("OUT_OF_RANGE");
  });

  it("refuses text without an end and sizes beyond any input", () => {
    expect(failureOf(() => reader("6162").cString(0)).code).toBe("TRUNCATED");
    expect(failureOf(() => reader("ffffffffffffffff").size64(0)).code).toBe("OUT_OF_RANGE");
  });
});

describe("ByteWriter", () => {
  it("writes what ByteReader reads", () => {
    for (const order of ["little", "big"] as const) {
      const bytes = new ByteWriter(order, 1)
        .u8(1)
        .u16(0x203)
        .align(8)
        .u32(0x4050607)
        .u64(2n ** 63n)
        .raw(Uint8Array.of(9))
        .finish();
      const written = new ByteReader(bytes, order, "written");
      expect([written.u8(0), written.u16(1), written.u32(8), written.u64(12), written.u8(20)]).toEqual([
        1,
        0x203,
        0x4050607,
        2n ** 63n,
        9,
      ]);
      expect(bytes.length).toBe(21);
    }
  });
});

describe("hexadecimal", () => {
  it("round-trips", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(hexToBytes(bytesToHex(bytes))).toEqual(bytes);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it.each(["0", "0g", "0x00"])("refuses %s", (text) => expect(hexToBytes(text)).toBeUndefined());
});
