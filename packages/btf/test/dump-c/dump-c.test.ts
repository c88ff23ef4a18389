import { Btf, BtfBuilder, type BtfType, dumpC } from "@ebpf/btf";
import { describe, expect, test } from "vitest";

describe("dumpC", () => {
  test("declares what is needed before it is used, and nothing else", () => {
    const types = new BtfBuilder();
    const int = types.int("int", 4, "signed");
    types.struct("not_asked_for", { a: int });
    const value = types.typedef("value_t", int);
    const node = types.struct("node", { next: types.pointer(types.nextId + 1), value });
    const list = types.struct("list", { first: types.pointer(node), inner: node, name: types.array(int, 2) });
    expect(dumpC(types.build(), { types: [list], guard: "LIST_H" })).toBe(`#ifndef LIST_H
#define LIST_H

struct node;

typedef int value_t;

struct node {
\tstruct node *next;
\tvalue_t value;
};

struct list {
\tstruct node *first;
\tstruct node inner;
\tint name[2];
};

#endif
`);
  });

  test("writes out padding, and what is packed", () => {
    const types = new BtfBuilder();
    const int = types.int("int", 4, "signed");
    const member = (name: string, bitOffset: number, bitSize = 0) => ({ name, type: int, bitOffset, bitSize });
    types.add({
      kind: "struct",
      name: "gap",
      size: 24,
      members: [member("a", 0), member("b", 96), member("c", 128, 3)],
    });
    types.add({ kind: "struct", name: "packed", size: 6, members: [member("a", 8)] });
    expect(dumpC(types.build())).toBe(`struct gap {
\tint a;
\tint : 32;
\tint : 32;
\tint b;
\tint c : 3;
\tchar : 5;
\tchar : 8;
\tshort : 16;
\tint : 32;
};

struct packed {
\tchar : 8;
\tint a;
\tchar : 8;
} __attribute__((packed));
`);
  });

  test("makes names C's, and unique", () => {
    const btf = new Btf([
      { kind: "int", name: "u32", size: 4, encoding: "none", bits: 32, bitOffset: 0 },
      { kind: "struct", name: "Vec<u8, A>", size: 4, members: [{ name: "int", type: 1, bitOffset: 0, bitSize: 0 }] },
      { kind: "struct", name: "twice", size: 0, members: [] },
      { kind: "struct", name: "twice", size: 0, members: [] },
      { kind: "enum", name: "one", size: 4, signed: false, values: [{ name: "SAME", value: 1 }] },
      { kind: "enum", name: "two", size: 1, signed: false, values: [{ name: "SAME", value: 2 }] },
    ]);
    expect(dumpC(btf)).toBe(`typedef unsigned int u32;

struct Vec_u8__A_ {
\tu32 int_;
};

struct twice {
};

struct twice___2 {
};

enum one {
\tSAME = 1,
};

enum two {
\tSAME___2 = 2,
} __attribute__((mode(QI)));
`);
  });

  test.each<[string, BtfType[], string]>([
    ["a structure in itself", [composite("a", 1)], "TOO_DEEP"],
    ["a typedef of itself", [{ kind: "typedef", name: "t", type: 1 }], "TOO_DEEP"],
    ["a pointer to itself", [{ kind: "ptr", type: 1 }, composite("a", 1)], "TOO_DEEP"],
    ["a member without a size", [composite("a", 0)], "INCOMPLETE_TYPE"],
    [
      "anonymous structures that double at every level",
      [
        composite("root", 2),
        ...Array.from({ length: 30 }, (_, i) => composite("", i + 3, i + 3)),
        { kind: "int", name: "int", size: 4, encoding: "none", bits: 32, bitOffset: 0 },
      ],
      "LIMIT",
    ],
  ])("refuses %s", (_, types, code) => {
    expect(() => dumpC(new Btf(types))).toThrow(expect.objectContaining({ code }));
  });
});

function composite(name: string, ...members: number[]): BtfType {
  return {
    kind: "struct",
    name,
    size: 8,
    members: members.map((type, i) => ({ name: `m${i}`, type, bitOffset: 0, bitSize: 0 })),
  };
}
