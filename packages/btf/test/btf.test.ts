import { Btf, BtfError, type BtfType, decodeBtf, encodeBtf } from "@ebpf/btf";
import { describe, expect, test } from "vitest";

const int = (name: string, size: number): BtfType => ({
  kind: "int",
  name,
  size,
  encoding: "signed",
  bits: 8 * size,
  bitOffset: 0,
});

const member = (name: string, type: number, bitOffset: number) => ({ name, type, bitOffset, bitSize: 0 });

const btf = new Btf([
  int("int", 4), // 1
  int("char", 1), // 2
  { kind: "const", type: 2 }, // 3
  { kind: "ptr", type: 3 }, // 4 const char *
  { kind: "array", elementType: 1, indexType: 1, length: 3 }, // 5 int[3]
  { kind: "array", elementType: 5, indexType: 1, length: 2 }, // 6 int[2][3]
  {
    kind: "func_proto",
    returnType: 1,
    parameters: [
      { name: "p", type: 4 },
      { name: "", type: 0 },
    ],
  }, // 7
  { kind: "ptr", type: 7 }, // 8 function pointer
  { kind: "typedef", name: "number", type: 1 }, // 9
  { kind: "volatile", type: 9 }, // 10
  { kind: "type_tag", name: "user", type: 10, attribute: false }, // 11
  { kind: "struct", name: "pair", size: 16, members: [member("a", 2, 0), member("p", 4, 64)] }, // 12
  { kind: "struct", name: "packed", size: 9, members: [member("a", 2, 0), member("p", 4, 8)] }, // 13
  { kind: "fwd", name: "later", target: "union" }, // 14
  { kind: "const", type: 4 }, // 15
  { kind: "ptr", type: 5 }, // 16 pointer to array
  { kind: "struct", name: "", size: 4, members: [] }, // 17
  { kind: "enum", name: "color", size: 4, signed: false, values: [] }, // 18
  { kind: "typedef", name: "loop", type: 20 }, // 19
  { kind: "const", type: 19 }, // 20
  { kind: "array", elementType: 21, indexType: 1, length: 2 }, // 21, of itself
  { kind: "struct", name: "self", size: 4, members: [member("again", 22, 0)] }, // 22, in itself
  { kind: "ptr", type: 0 }, // 23
  { kind: "typedef", name: "pair", type: 12 }, // 24
]);

test.each<[number, string]>([
  [0, "void"],
  [1, "int"],
  [4, "const char *"],
  [5, "int[3]"],
  [6, "int[2][3]"],
  [7, "int (const char *, ...)"],
  [8, "int (*)(const char *, ...)"],
  [9, "number"],
  [10, "volatile number"],
  [11, "volatile number"],
  [12, "struct pair"],
  [14, "union later"],
  [15, "const char *const"],
  [16, "int (*)[3]"],
  [17, "struct (anonymous)"],
  [18, "enum color"],
  [23, "void *"],
])("name of type %i is %s", (id, name) => {
  expect(btf.typeName(id)).toBe(name);
});

test.each<[number, number, number]>([
  [1, 4, 4],
  [2, 1, 1],
  [4, 8, 8],
  [5, 12, 4],
  [6, 24, 4],
  [10, 4, 4],
  [12, 16, 8],
  [13, 9, 1],
  [17, 4, 1],
])("type %i has %i bytes, aligned to %i", (id, size, alignment) => {
  expect(btf.sizeOf(id)).toBe(size);
  expect(btf.alignOf(id)).toBe(alignment);
});

describe("look-up", () => {
  test("finds by name, and by name and kind", () => {
    expect(btf.findByName("pair")).toBe(12);
    expect(btf.findByName("pair", "typedef")).toBe(24);
    expect(btf.findByName("pair", "union")).toBeUndefined();
    expect(btf.findByName("")).toBeUndefined();
    expect(btf.findByName("__proto__")).toBeUndefined();
  });

  test("resolves typedefs, qualifiers and tags", () => {
    expect(btf.resolve(11)).toBe(1);
    expect(btf.resolve(4)).toBe(4);
    expect(btf.resolveAs(24, "struct")?.name).toBe("pair");
    expect(btf.resolveAs(24, "union")).toBeUndefined();
  });
});

describe("types that can't be", () => {
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof BtfError) return error.code;
      throw error;
    }
    return "no error";
  };

  test.each<[string, () => unknown, string]>([
    ["an id that isn't there", () => btf.type(99), "NO_SUCH_TYPE"],
    ["a fractional id", () => btf.type(1.5), "NO_SUCH_TYPE"],
    ["a circle of typedefs", () => btf.resolve(19), "TOO_DEEP"],
    ["the size of an array of itself", () => btf.sizeOf(21), "TOO_DEEP"],
    ["the alignment of a structure in itself", () => btf.alignOf(22), "TOO_DEEP"],
    ["the size of void", () => btf.sizeOf(0), "INCOMPLETE_TYPE"],
    ["the size of a declaration", () => btf.sizeOf(14), "INCOMPLETE_TYPE"],
    ["the size of a function", () => btf.sizeOf(7), "INCOMPLETE_TYPE"],
    ["the fields of a number", () => btf.fields(1), "INCOMPLETE_TYPE"],
  ])("%s", (_, run, expected) => {
    expect(code(run)).toBe(expected);
  });

  test("are named with their place in the bytes that they were decoded from", () => {
    const typedefs = new Btf([
      int("int", 4),
      { kind: "typedef", name: "a", type: 3 },
      { kind: "typedef", name: "b", type: 2 },
    ]);
    const errorOf = (circle: Btf): unknown => {
      try {
        return circle.resolve(3);
      } catch (error) {
        return error;
      }
    };
    expect(errorOf(typedefs)).toMatchObject({ code: "TOO_DEEP", path: "types[3]", offset: undefined });
    const decoded = decodeBtf(encodeBtf(typedefs), { path: "prog.o/.BTF", offset: 1000 });
    // The header has 24 bytes, the number 16, each typedef 12.
    expect(errorOf(decoded)).toMatchObject({ path: "prog.o/.BTF/types[3]", offset: 1000 + 24 + 16 + 12 });
  });

  test("a size beyond all memory", () => {
    const huge = new Btf([
      int("int", 4),
      { kind: "array", elementType: 1, indexType: 1, length: 0xffff_ffff },
      { kind: "array", elementType: 2, indexType: 1, length: 0xffff_ffff },
    ]);
    expect(code(() => huge.sizeOf(3))).toBe("LIMIT");
  });

  test("a circle has a name nevertheless", () => {
    expect(btf.typeName(21).startsWith("…")).toBe(true);
  });

  test("a function that takes itself has a name", () => {
    const types = new Btf([{ kind: "func_proto", returnType: 0, parameters: [{ name: "f", type: 1 }] }]);
    expect(types.typeName(1)).toMatch(/^void \(void \(.*\)\)$/);
  });
});

test("pointers are as wide as `long`", () => {
  const types = (long: number): BtfType[] => [int("long", long), { kind: "ptr", type: 0 }, int("long long", 8)];
  expect(new Btf(types(4)).sizeOf(2)).toBe(4);
  expect(new Btf(types(4)).alignOf(3)).toBe(4);
  expect(new Btf(types(8)).sizeOf(2)).toBe(8);
  expect(new Btf([{ kind: "ptr", type: 0 }]).sizeOf(1)).toBe(8);
});

test("types are found by name whatever their flavour", () => {
  const named = (name: string): BtfType => ({ kind: "typedef", name, type: 0 });
  const base = new Btf([named("task"), named("task___old"), named("a_____b"), named("task__two")]);
  const split = new Btf([named("task___new___er"), named("task___old")], { base });
  expect(base.findFlavours("task")).toEqual([1, 2]);
  expect(base.findFlavours("task___old")).toEqual([]);
  expect(base.findFlavours("a_____b")).toEqual([3]);
  expect(split.findFlavours("task")).toEqual([6]);
  expect(split.findFlavours("task___new")).toEqual([5]);
  expect(split.findByName("task___old")).toBe(2);
  expect(split.findByName("task___new___er")).toBe(5);
});
