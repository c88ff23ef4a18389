import { Btf, BtfBuilder, type BtfType, dedupeBtf, distillBase, relocateSplit } from "@ebpf/btf";
import { describe, expect, test } from "vitest";

/** A kernel's types; another build has others before, and another `task`. */
const kernel = (build: number): Btf => {
  const types = new BtfBuilder();
  for (let i = 0; i < build; i++) types.struct(`unrelated_${i}`, {});
  const int = types.int("int", 4, "signed");
  const state = types.enum("state", { ON: 1 });
  const list = types.struct("list_head", { next: types.pointer(types.nextId + 1), n: int });
  types.struct("task", { state, list, more: types.array(int, build + 1) });
  types.typedef("list_t", types.qualified("const", list));
  return types.build();
};

const id = (btf: Btf, name: string): number => btf.findByName(name)!;

/** A module that has a list by value, a task by pointer, and uses a typedef of the kernel. */
const module = (base: Btf): Btf => {
  const types = new BtfBuilder({ base });
  const task = types.pointer(id(base, "task"));
  types.struct("device", { list: id(base, "list_head"), task, state: id(base, "state"), lists: id(base, "list_t") });
  return types.build();
};

const namesOf = (btf: Btf, name: string): string[] => btf.fields(id(btf, name)).map(({ type }) => btf.typeName(type));

describe("distillBase", () => {
  const split = distillBase(module(kernel(0)));

  test("keeps what identifies the base's types", () => {
    expect(split.base!.types.slice(1)).toEqual([
      { kind: "enum", name: "state", size: 4, signed: false, values: [] },
      { kind: "struct", name: "list_head", size: 16, members: [] },
      { kind: "struct", name: "task", size: 32, members: [] },
    ]);
  });

  test("moves the base's other types behind those of the split BTF", () => {
    const own = [...split.ownTypes()].map(({ kind }) => kind);
    expect(own).toEqual(["ptr", "struct", "const", "typedef"]);
    expect(namesOf(split, "device")).toEqual(["struct list_head", "struct task *", "enum state", "list_t"]);
  });
});

describe("relocateSplit", () => {
  test("finds the types in another build of the kernel", () => {
    const other = kernel(3);
    const relocated = relocateSplit(distillBase(module(kernel(0))), other);
    expect(relocated.base).toBe(other);
    const fields = relocated.fields(id(relocated, "device"));
    expect(fields[0]!.type).toBe(id(other, "list_head"));
    expect(relocated.type(fields[1]!.type)).toEqual({ kind: "ptr", type: id(other, "task") });
    expect(fields[2]!.type).toBe(id(other, "state"));
  });

  test("gives the original back, but for the types that moved", () => {
    const base = kernel(0);
    expect(dedupeBtf(relocateSplit(distillBase(module(base)), base)).btf.types).toEqual(module(base).types);
  });

  const baseWith = (...types: BtfType[]): Btf => new Btf(types);
  const list: BtfType = { kind: "struct", name: "list_head", size: 16, members: [] };
  const task: BtfType = { kind: "struct", name: "task", size: 1000, members: [] };
  const state: BtfType = { kind: "enum64", name: "state", size: 4, signed: false, values: [] };

  test.each<[string, Btf, string]>([
    ["a type that isn't there", baseWith(list, task), "NO_SUCH_TYPE"],
    ["a structure by value of another size", baseWith({ ...list, size: 24 }, task, state), "NO_SUCH_TYPE"],
    ["an enumeration of another size", baseWith(list, task, { ...state, size: 8 }), "NO_SUCH_TYPE"],
    ["two types that fit", baseWith(list, { ...list }, task, state), "AMBIGUOUS_RELOCATION"],
  ])("refuses %s", (_, base, code) => {
    expect(() => relocateSplit(distillBase(module(kernel(0))), base)).toThrow(expect.objectContaining({ code }));
  });

  test("takes a structure behind a pointer whatever its size, and an enumeration of either width", () => {
    const base = baseWith(list, task, state);
    const relocated = relocateSplit(distillBase(module(kernel(0))), base);
    expect(namesOf(relocated, "device")).toEqual(["struct list_head", "struct task *", "enum state", "list_t"]);
  });
});
