import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BtfBuilder, BtfError, decodeBtf, encodeBtf } from "@ebpf/btf";
import { describe, expect, test } from "vitest";
import { compile, lacksClang, section } from "./support/tools.js";

/** The same structures in C, for a compiler to lay out. */
const SOURCE = `
struct inner { char c; long long w; };
struct all {
  char a; short b; char c[3]; int d; void *p; struct inner in;
  unsigned e : 3; unsigned f : 30; unsigned char g : 2; unsigned char h : 7; long long wide : 40; short tail;
  union { int x; char bytes[6]; };
} all;
enum wide { HUGE = 0x100000000ULL } wide;
enum sign { MINUS = -1, PLUS } sign;
`;

const build = () => {
  const types = new BtfBuilder();
  const char = types.int("char", 1, "signed");
  const u8 = types.int("unsigned char", 1);
  const u32 = types.int("unsigned int", 4);
  const s32 = types.int("int", 4, "signed");
  const s64 = types.int("long long", 8, "signed");
  const short = types.int("short", 2, "signed");
  const inner = types.struct("inner", { c: char, w: s64 });
  const anonymous = types.union("", { x: s32, bytes: types.array(char, 6) });
  const all = types.struct("all", {
    a: char,
    b: short,
    c: types.array(char, 3),
    d: s32,
    p: types.pointer(),
    in: inner,
    e: { type: u32, bits: 3 },
    f: { type: u32, bits: 30 },
    g: { type: u8, bits: 2 },
    h: { type: u8, bits: 7 },
    wide: { type: s64, bits: 40 },
    tail: short,
    "(either)": anonymous,
  });
  return { types, all };
};

describe("BtfBuilder", () => {
  test("gives plain types one id each", () => {
    const types = new BtfBuilder();
    const int = types.int("int", 4, "signed");
    expect(types.int("int", 4, "signed")).toBe(int);
    expect(types.int("int", 4)).not.toBe(int);
    expect(types.pointer(int)).toBe(types.pointer(int));
    expect(types.array(int, 2)).toBe(types.array(int, 2));
    expect(types.typedef("a", int)).toBe(types.typedef("a", int));
    expect(types.struct("s", {})).not.toBe(types.struct("s", {}));
  });

  test("adds every kind", () => {
    const types = new BtfBuilder();
    const int = types.int("int", 4, "signed");
    const list = types.struct("list", { next: types.pointer(types.nextId + 1) });
    types.float("double", 8);
    types.qualified("const", int);
    types.qualified("volatile", int);
    types.qualified("restrict", types.pointer(int));
    types.typeTag("kptr", list);
    types.forward("union", "later");
    types.union("either", { a: int });
    types.enum("narrow", { A: 1 });
    types.enum("wide", { B: 1n << 40n });
    const func = types.func("f", types.signature(int, { list: types.pointer(list) }));
    types.declTag("kfunc", func);
    types.declTag("arg:ctx", func, 0);
    types.typedef("number", int);
    types.array(int, 3);
    types.section(".data", [types.variable("a", int), types.variable("b", types.int("long", 8), "static")]);
    const btf = types.build();
    expect(new Set(btf.types.map(({ kind }) => kind)).size).toBe(20);
    expect(btf.typeName(btf.resolvedType(list).kind === "struct" ? btf.fields(list)[0]!.type : 0)).toBe(
      "struct list *",
    );
    expect(btf.resolvedType(btf.findByName(".data")!)).toMatchObject({
      size: 16,
      variables: [
        { offset: 0, size: 4 },
        { offset: 8, size: 8 },
      ],
    });
    expect(decodeBtf(encodeBtf(btf)).types).toEqual(btf.types);
  });

  test("refuses what can't be laid out", () => {
    const types = new BtfBuilder();
    const int = types.int("int", 4);
    expect(() => types.struct("s", { a: { type: int, bits: 33 } })).toThrow(BtfError);
    expect(() => types.struct("s", { a: 0 })).toThrow(expect.objectContaining({ code: "INCOMPLETE_TYPE" }));
    expect(() => types.struct("s", { a: 99 })).toThrow(expect.objectContaining({ code: "NO_SUCH_TYPE" }));
    types.pointer(99);
    expect(() => types.build()).toThrow(expect.objectContaining({ code: "NO_SUCH_TYPE" }));
  });

  const missing = lacksClang();
  test.skipIf(missing !== "")(`lays structures out as clang does${missing}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "btf-"));
    writeFileSync(join(folder, "all.c"), SOURCE);
    compile(join(folder, "all.c"), join(folder, "all.o"));
    const theirs = decodeBtf(section(folder, "all.o", ".BTF"));
    rmSync(folder, { recursive: true });
    const { types, all } = build();
    const wide = types.enum("wide", { HUGE: 0x1_0000_0000n });
    const sign = types.enum("sign", { MINUS: -1, PLUS: 0 });
    const ours = types.build();
    const layout = (btf: typeof ours, id: number) => [
      btf.sizeOf(id),
      btf.fields(id).map(({ type: _, ...rest }) => rest),
    ];
    for (const name of ["all", "inner"]) {
      expect(layout(ours, ours.findByName(name, "struct")!)).toEqual(
        layout(theirs, theirs.findByName(name, "struct")!),
      );
    }
    expect(ours.findByName("all")).toBe(all);
    expect(ours.type(wide)).toEqual(theirs.type(theirs.findByName("wide", "enum64")!));
    expect(ours.type(sign)).toEqual(theirs.type(theirs.findByName("sign", "enum")!));
  });
});
