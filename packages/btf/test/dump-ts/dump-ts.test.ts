import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Btf, BtfBuilder, type BtfValue, decodeValue, dumpTypeScript, encodeValue } from "@ebpf/btf";
import { transform } from "esbuild";
import fc from "fast-check";
import ts from "typescript";
import { describe, expect, test } from "vitest";

/** A type for each thing that a member can be. */
const build = (): { btf: Btf; all: number } => {
  const types = new BtfBuilder();
  const char = types.int("char", 1, "signed");
  const u8 = types.int("unsigned char", 1);
  const s16 = types.int("short", 2, "signed");
  const u32 = types.int("unsigned int", 4);
  const s64 = types.int("long", 8, "signed");
  const bool = types.int("_Bool", 1, "bool");
  const color = types.enum("color", { RED: 1, GREEN: 2 });
  const wide = types.enum("wide", { BIG: 1n << 40n });
  const point = types.struct("point", { x: s16, y: types.qualified("const", s16) });
  const anonymous = types.struct("", { low: u32, high: s64 });
  const all = types.struct("all_of_them", {
    small: u8,
    signed: s16,
    count: types.typedef("__u32", u32),
    big: s64,
    huge: types.int("__int128", 16, "signed"),
    flag: bool,
    color,
    wide,
    float: types.float("float", 4),
    double: types.float("double", 8),
    pointer: types.pointer(),
    name: types.array(char, 7),
    bytes: types.array(u8, 3),
    grid: types.array(types.array(s16, 2), 3),
    points: types.array(types.typedef("point_t", point), 2),
    a: { type: u32, bits: 3 },
    b: { type: types.int("int", 4, "signed"), bits: 13 },
    c: { type: s64, bits: 40 },
    "(inline)": anonymous,
    either: types.union("either", { number: u32, halves: types.array(s16, 2) }),
    unnamed: types.struct("", { inside: u8, deep: types.struct("", { x: u8 }) }),
    none: types.array(point, 0),
    __proto: u8,
  });
  return { btf: types.build(), all };
};

interface Module {
  readonly [name: string]: unknown;
}

const load = async (text: string): Promise<Module> => {
  const { code } = await transform(text, { loader: "ts" });
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as Module;
};

describe.each(["little", "big"] as const)("dumpTypeScript, %s-endian", (order) => {
  const { btf, all } = build();

  test("reads what decodeValue reads, and writes it back", async () => {
    const module = await load(dumpTypeScript(btf, { types: [all], order }));
    const read = module.readAllOfThem as (view: DataView, offset: number) => BtfValue;
    const write = module.writeAllOfThem as (view: DataView, offset: number, value: BtfValue) => void;
    const size = btf.sizeOf(all);
    expect(module.sizeOfAllOfThem).toBe(size);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size + 8, maxLength: size + 8 }), (bytes) => {
        const value = read(new DataView(bytes.buffer), 8);
        const expected = decodeValue(btf, all, bytes.subarray(8), { order });
        expect(value).toEqual(expected);
        if (JSON.stringify(expected, (_, part) => (typeof part === "bigint" ? `${part}` : part)).includes("\ufffd"))
          return;
        const written = new Uint8Array(size + 8);
        write(new DataView(written.buffer), 8, value);
        expect(written.subarray(8)).toEqual(encodeValue(btf, all, expected, { order }));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("leaves alone what isn't given", async () => {
    const module = await load(dumpTypeScript(btf, { types: [all], order }));
    const write = module.writePoint as (view: DataView, offset: number, value: object) => void;
    const bytes = new Uint8Array(4).fill(0xff);
    write(new DataView(bytes.buffer), 0, { x: 0 });
    expect([...bytes]).toEqual([0, 0, 0xff, 0xff]);
  });

  test("refuses texts and arrays that don't fit", async () => {
    const module = await load(dumpTypeScript(btf, { types: [all], order }));
    const write = module.writeAllOfThem as (view: DataView, offset: number, value: object) => void;
    const view = new DataView(new ArrayBuffer(btf.sizeOf(all)));
    expect(() => write(view, 0, { name: "12345678" })).toThrow(RangeError);
    expect(() => write(view, 0, { bytes: [1, 2] })).toThrow(RangeError);
  });
});

test("the module has no type errors in the strictest mode", () => {
  const folder = mkdtempSync(join(tmpdir(), "dump-ts-"));
  const file = join(folder, "types.ts");
  writeFileSync(file, dumpTypeScript(build().btf));
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
  });
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  rmSync(folder, { recursive: true });
  expect(problems).toEqual([]);
});

test("the text of a small type", () => {
  const types = new BtfBuilder();
  const u32 = types.int("unsigned int", 4);
  types.struct("event", {
    pid: u32,
    comm: types.array(types.int("char", 1, "signed"), 16),
    time: types.int("long", 8),
  });
  const text = dumpTypeScript(types.build());
  expect(text).toContain(`export interface Event {
  pid: number;
  comm: string;
  time: bigint;
}
`);
  expect(text).toContain(`export const sizeOfEvent = 32;`);
  expect(text).toContain(`export const readEvent = (view: DataView, offset = 0): Event => ({
  pid: view.getUint32(offset, LITTLE),
  comm: readText(view, offset + 4, 16),
  time: view.getBigUint64(offset + 24, LITTLE),
});
`);
  expect(text).not.toContain("readBits");
});

test("types don't take the names that the code uses", () => {
  const types = new BtfBuilder();
  types.enum("number", { ONE: 1 });
  types.struct("data_view", { a: types.int("int", 4) });
  const text = dumpTypeScript(types.build());
  expect(text).toContain("export const Number___2 = {");
  expect(text).toContain("export interface DataView___2 {");
});
