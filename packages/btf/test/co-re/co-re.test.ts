import { Btf, BtfBuilder, type CoreRelocationRecord, CoreRelocator, patchCore } from "@ebpf/btf";
import { describe, expect, test } from "vitest";

/*
 * Hand-made types: what `libbpf.test.ts` compares with libbpf where that can run, and what C can't express.
 */

const record = (typeId: number, access: string, kind: CoreRelocationRecord["kind"]): CoreRelocationRecord => ({
  offset: 0,
  typeId,
  access,
  kind,
});

/** A structure `s` with an integer `a`, here and there; ids are 2. */
const withInt = (size: number, before = 0): Btf => {
  const types = new BtfBuilder();
  const int = types.int("int", size);
  types.struct("s", before === 0 ? { a: int } : { pad: types.array(int, before), a: int });
  return types.build();
};

const idOfS = (btf: Btf): number => btf.findByName("s")!;

describe("patchCore", () => {
  const local = withInt(4);
  const resolve = (target: Btf, kind: CoreRelocationRecord["kind"] = "field_byte_offset", access = "0:0") =>
    new CoreRelocator(local, target).resolve(record(idOfS(local), access, kind));
  const load = { opcode: 0x61, dst: 1, src: 2, offset: 0, imm: 0 };
  const poison = { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: 0xbad2310 };

  test("moves a load", () => {
    expect(patchCore([load], resolve(withInt(4, 3)))).toEqual([{ ...load, offset: 12 }]);
  });

  test("narrows and widens a load of an unsigned integer", () => {
    expect(patchCore([load], resolve(withInt(2, 1)))).toEqual([{ ...load, opcode: 0x69, offset: 2 }]);
    expect(patchCore([load], resolve(withInt(8, 1)))).toEqual([{ ...load, opcode: 0x79, offset: 8 }]);
  });

  test("puts a size into an immediate, and both halves of a wide one", () => {
    const size = resolve(withInt(8), "field_byte_size");
    expect(patchCore([{ opcode: 0xb7, dst: 1, src: 0, offset: 0, imm: 4 }], size)).toEqual([
      { opcode: 0xb7, dst: 1, src: 0, offset: 0, imm: 8 },
    ]);
    const wide = [
      { opcode: 0x18, dst: 1, src: 0, offset: 0, imm: 4 },
      { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0 },
    ];
    expect(patchCore(wide, size)).toEqual([{ ...wide[0], imm: 8 }, wide[1]]);
    const huge = { kind: "value", relocation: "enumval_value", value: 0xffff_fffe_8000_0001n } as const;
    expect(patchCore(wide, huge)).toEqual([
      { ...wide[0], imm: -0x7fff_ffff },
      { ...wide[1], imm: -2 },
    ]);
  });

  test("poisons both slots where the target has nothing", () => {
    const nothing = resolve(new Btf([]));
    expect(nothing).toEqual({ kind: "poison", relocation: "field_byte_offset", missing: "struct s.a" });
    expect(patchCore([load], nothing)).toEqual([poison]);
    const wide = [
      { opcode: 0x18, dst: 1, src: 0, offset: 0, imm: 4 },
      { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0 },
    ];
    expect(patchCore(wide, nothing)).toEqual([poison, poison]);
  });

  test.each([
    ["a jump", [{ ...load, opcode: 0x05 }]],
    ["an operation of two registers", [{ ...load, opcode: 0x0f }]],
    ["half of a wide load", [{ ...load, opcode: 0x18 }]],
    [
      "a wide load of a map",
      [
        { ...load, opcode: 0x18, src: 1 },
        { ...load, opcode: 0, dst: 0, src: 0 },
      ],
    ],
    ["an old packet load", [{ ...load, opcode: 0x20 }]],
    ["a load from elsewhere", [{ ...load, offset: 4 }]],
    ["no instruction", []],
  ])("refuses %s", (_, slots) => {
    expect(() => patchCore(slots, resolve(withInt(4)))).toThrow(expect.objectContaining({ code: "BAD_RELOCATION" }));
  });
});

describe("CoreRelocator", () => {
  const local = withInt(4);

  test("looks into modules only for what the kernel doesn't have", () => {
    const kernel = withInt(4, 2);
    const module = (base: Btf): Btf =>
      new Btf([{ kind: "struct", name: "s", size: 4, members: [{ name: "a", type: 1, bitOffset: 0, bitSize: 0 }] }], {
        base,
      });
    const value = (target: Btf, modules: Btf[]) =>
      new CoreRelocator(local, target, modules).resolve(record(idOfS(local), "0:0", "field_byte_offset"));
    expect(value(kernel, [module(kernel)])).toMatchObject({ value: 8n });
    const other = new Btf([{ kind: "int", name: "int", size: 4, encoding: "none", bits: 32, bitOffset: 0 }]);
    expect(value(other, [module(other)])).toMatchObject({ value: 0n });
    expect(value(other, [])).toMatchObject({ kind: "poison" });
  });

  test("a candidate that failed once is none any more", () => {
    const both = new BtfBuilder();
    const int = both.int("int", 4);
    both.struct("s", { a: int, b: int });
    const mine = both.build();
    both.struct("s___two", { x: int, b: int, a: int });
    both.struct("s___three", { y: int, a: int });
    const target = both.build();
    const relocator = new CoreRelocator(mine, target);
    const id = idOfS(mine);
    expect(() => relocator.resolve(record(id, "0:0", "field_byte_offset"))).toThrow(
      expect.objectContaining({ code: "AMBIGUOUS_RELOCATION" }),
    );
    // `s___three` has no b; for b the others agree.
    expect(relocator.resolve(record(id, "0:1", "field_byte_offset"))).toMatchObject({ value: 4n });
  });

  test.each<[string, CoreRelocationRecord]>([
    ["an access that is no list of numbers", record(2, "0:x", "field_exists")],
    ["an access without indexes", record(2, "", "field_exists")],
    ["an access of a member that isn't there", record(2, "0:5", "field_exists")],
    ["an access into an integer", record(2, "0:0:0", "field_exists")],
    ["too many indexes", record(2, `${"0:".repeat(64)}0`, "field_exists")],
    ["an index beyond 31 bits", record(2, "2147483648", "field_exists")],
    ["an access into a type as a whole", record(2, "0:0", "type_size")],
    ["an enumerator of a structure", record(2, "0", "enumval_value")],
    ["an aspect that an element doesn't have", record(2, "0", "field_signed")],
  ])("refuses %s", (_, bad) => {
    expect(() => new CoreRelocator(local, local).resolve(bad)).toThrow(
      expect.objectContaining({ code: "BAD_RELOCATION" }),
    );
  });

  test("types that refer to themselves without end are refused, whatever they are compared with", () => {
    // f is a function of two pointers to f: comparing it walks a tree that doubles at every level.
    const endless = new Btf([
      { kind: "typedef", name: "f", type: 2 },
      {
        kind: "func_proto",
        returnType: 0,
        parameters: [
          { name: "a", type: 3 },
          { name: "b", type: 3 },
        ],
      },
      { kind: "ptr", type: 2 },
      { kind: "typedef", name: "p", type: 5 },
      { kind: "ptr", type: 5 },
    ]);
    const codes = ["type_exists", "type_matches"].flatMap((kind) =>
      [1, 4].map((id) => {
        try {
          new CoreRelocator(endless, endless).resolve(record(id, "0", kind as "type_exists"));
          return "none";
        } catch (error) {
          return (error as { code: string }).code;
        }
      }),
    );
    expect(codes).toEqual(["TOO_DEEP", "TOO_DEEP", "TOO_DEEP", "TOO_DEEP"]);
  });
});
