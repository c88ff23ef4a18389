import { Btf, BtfBuilder, BtfError, decodeBtf, encodeBtf, encodeBtfWithStrings } from "@ebpf/btf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { btfTypes } from "./support/arbitrary.js";
import { info, rawBtf } from "./support/raw.js";

describe("encodeBtf", () => {
  test.each(["little", "big"] as const)("gives the bytes of the documented layout, %s-endian", (order) => {
    const builder = new BtfBuilder();
    const int = builder.add({ kind: "int", name: "int", size: 4, encoding: "signed", bits: 32, bitOffset: 0 });
    builder.add({
      kind: "struct",
      name: "s",
      size: 4,
      members: [{ name: "a", type: int, bitOffset: 5, bitSize: 3 }],
    });
    const words = [1, info(1), 4, 0x0100_0020, 5, info(4, 1, 1), 4, 7, 1, (3 << 24) | 5];
    expect(encodeBtf(builder.build(), order)).toEqual(rawBtf(order, words, "\0int\0s\0a\0"));
  });

  test.each(["little", "big"] as const)("is undone by decodeBtf, %s-endian", (order) => {
    fc.assert(
      fc.property(btfTypes, (types) => {
        const decoded = decodeBtf(encodeBtf(new Btf(types), order));
        expect(decoded.order).toBe(order);
        expect(decoded.types.slice(1)).toEqual(types);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("puts further strings among its own, each once, and says where", () => {
    const types = new Btf([{ kind: "typedef", name: "mine", type: 0 }]);
    const { bytes, offsets } = encodeBtfWithStrings(types, ["x = 1;", "mine", "", "x = 1;"]);
    expect(bytes).toEqual(rawBtf("little", [1, info(8), 0], "\0mine\0x = 1;\0"));
    expect([...offsets]).toEqual([
      ["x = 1;", 6],
      ["mine", 1],
      ["", 0],
    ]);
  });

  test("writes split BTF that continues a base that isn't encoded yet", () => {
    const base = new BtfBuilder();
    const int = base.int("int", 4, "signed");
    const split = new BtfBuilder({ base: base.build() });
    split.typedef("number", int);
    const bytes = encodeBtf(split.build());
    const read = decodeBtf(bytes, { base: decodeBtf(encodeBtf(base.build())) });
    expect(read.typeName(2)).toBe("number");
    // Behind "\0int\0".
    expect(new DataView(bytes.buffer).getUint32(24, true)).toBe(5);
  });

  test("writes split BTF that continues its base", () => {
    const base = decodeBtf(rawBtf("little", [1, info(1), 4, 0x0100_0020], "\0int\0"));
    const builder = new BtfBuilder({ base });
    builder.add({ kind: "typedef", name: "mine", type: 1 });
    expect(encodeBtf(builder.build())).toEqual(rawBtf("little", [5, info(8), 1], "mine\0"));
  });

  test.each([
    ["a zero byte in a name", new Btf([{ kind: "typedef", name: "a\0b", type: 0 }])],
    [
      "a bitfield beyond bit 2^24",
      new Btf([
        { kind: "struct", name: "s", size: 2 ** 22, members: [{ name: "a", type: 0, bitOffset: 2 ** 24, bitSize: 1 }] },
      ]),
    ],
    [
      "65,536 values",
      new Btf([
        {
          kind: "enum",
          name: "e",
          size: 4,
          signed: false,
          values: Array.from({ length: 65_536 }, () => ({ name: "a", value: 1 })),
        },
      ]),
    ],
    ["void behind id 0", new Btf([{ kind: "void" }])],
  ])("refuses %s", (_, btf) => {
    expect(() => encodeBtf(btf)).toThrow(expect.objectContaining({ code: "UNENCODABLE" }));
  });
});

describe("BtfBuilder", () => {
  test("allows references to types that come later", () => {
    const builder = new BtfBuilder();
    const pointer = builder.add({ kind: "ptr", type: builder.nextId + 1 });
    const struct = builder.add({
      kind: "struct",
      name: "node",
      size: 8,
      members: [{ name: "next", type: pointer, bitOffset: 0, bitSize: 0 }],
    });
    expect(builder.build().typeName(pointer)).toBe("struct node *");
    expect(struct).toBe(2);
  });

  test("refuses references to types that never come", () => {
    const builder = new BtfBuilder();
    builder.add({ kind: "ptr", type: 2 });
    expect(() => builder.build()).toThrow(BtfError);
  });
});
