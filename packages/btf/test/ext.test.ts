import { Btf, BtfError, decodeBtf, decodeBtfExt, encodeBtfSections } from "@ebpf/btf";
import { type ByteOrder, MalformedError } from "@ebpf/core";
import { describe, expect, test } from "vitest";
import { info, rawBtf } from "./support/raw.js";

/** Offsets: xdp 1, f.c 5, main 9, the line's text 14, 0:1 21. */
const STRINGS = ["", "xdp", "f.c", "main", "a = b;", "0:1", ""].join("\0");
const TYPES = [0, info(13, 0), 0, 9, info(12, 1), 1, 9, info(4, 0), 4];

const FUNCTIONS = [8, 1, 1, 0, 2];
const LINES = [16, 1, 2, 0, 5, 14, (7 << 10) | 3, 16, 5, 0, (8 << 10) | 0];
const RELOCATIONS = [16, 1, 1, 8, 3, 21, 2];

const rawExt = (
  order: ByteOrder,
  functions = FUNCTIONS,
  lines = LINES,
  relocations: readonly number[] | undefined = RELOCATIONS,
) => {
  const bytes = new Uint8Array(4 * (8 + functions.length + lines.length + (relocations?.length ?? 0)));
  const view = new DataView(bytes.buffer);
  const little = order === "little";
  view.setUint16(0, 0xeb9f, little);
  view.setUint8(2, 1);
  const [f, l] = [4 * functions.length, 4 * lines.length];
  const header = [32, 0, f, f, l, f + l, 4 * (relocations?.length ?? 0)];
  [...header, ...functions, ...lines, ...(relocations ?? [])].forEach((word, i) => {
    view.setUint32(4 + 4 * i, word, little);
  });
  return bytes;
};

test.each(["little", "big"] as const)("functions, lines and relocations, %s-endian", (order) => {
  const ext = decodeBtfExt(rawExt(order), decodeBtf(rawBtf(order, TYPES, STRINGS)));
  expect([...ext.functions]).toEqual([["xdp", [{ offset: 0, typeId: 2 }]]]);
  expect([...ext.lines]).toEqual([
    [
      "xdp",
      [
        { offset: 0, file: "f.c", text: "a = b;", line: 7, column: 3 },
        { offset: 16, file: "f.c", text: "", line: 8, column: 0 },
      ],
    ],
  ]);
  expect([...ext.relocations]).toEqual([["xdp", [{ offset: 8, typeId: 3, access: "0:1", kind: "field_exists" }]]]);
});

test("records may be longer than they are known to be", () => {
  const functions = [12, 1, 1, 0, 2, 0xdead];
  const ext = decodeBtfExt(rawExt("little", functions), decodeBtf(rawBtf("little", TYPES, STRINGS)));
  expect(ext.functions.get("xdp")).toEqual([{ offset: 0, typeId: 2 }]);
});

describe("malformed", () => {
  const btf = decodeBtf(rawBtf("little", TYPES, STRINGS));
  const fail = (bytes: Uint8Array) => expect(() => decodeBtfExt(bytes, btf));

  test.each<[string, number[], string]>([
    ["records that are too short", [4, 1, 1, 0], ".BTF.ext/functions"],
    ["more records than bytes", [8, 1, 0xffff_ffff, 0, 2], ".BTF.ext/functions"],
    ["a section without records", [8, 1, 0], ".BTF.ext/functions"],
    ["a section name that isn't there", [8, 999, 1, 0, 2], ".BTF.ext/functions"],
    ["a function type that isn't there", [8, 1, 1, 0, 99], ".BTF.ext/functions/xdp[0]"],
    ["a function type that is no function", [8, 1, 1, 0, 1], ".BTF.ext/functions/xdp[0]"],
  ])("%s", (_, functions, path) => {
    fail(rawExt("little", functions)).toThrow(expect.objectContaining({ path }));
  });

  test("an unknown kind of relocation", () => {
    fail(rawExt("little", FUNCTIONS, LINES, [16, 1, 1, 8, 3, 21, 13])).toThrow(MalformedError);
  });

  test("the other byte order", () => {
    fail(rawExt("big")).toThrow(MalformedError);
  });
});

test.each(["little", "big"] as const)("is encoded with its types' strings, %s-endian", (order) => {
  const types = decodeBtf(rawBtf(order, TYPES, STRINGS));
  const ext = decodeBtfExt(rawExt(order), types);
  const sections = encodeBtfSections(types, ext, order);
  const again = decodeBtf(sections.btf);
  expect(again.types).toEqual(types.types);
  expect(decodeBtfExt(sections.ext, again)).toEqual(ext);
  expect(sections.ext.length).toBe(rawExt(order).length);
});

test("parts without records are empty", () => {
  const nothing = { functions: new Map(), lines: new Map([["xdp", []]]), relocations: new Map() };
  const { ext } = encodeBtfSections(new Btf([]), nothing, "little");
  expect([...new Uint32Array(ext.buffer)]).toEqual([0x1_eb9f, 32, 0, 0, 0, 0, 0, 0]);
});

test("a column or line that has no room", () => {
  const line = (number: number, column: number) => ({
    functions: new Map(),
    lines: new Map([["xdp", [{ offset: 0, file: "f.c", text: "", line: number, column }]]]),
    relocations: new Map(),
  });
  expect(() => encodeBtfSections(new Btf([]), line(4_194_303, 1023))).not.toThrow();
  expect(() => encodeBtfSections(new Btf([]), line(4_194_304, 0))).toThrow(BtfError);
  expect(() => encodeBtfSections(new Btf([]), line(0, 1024))).toThrow(BtfError);
});
