import { type EbpfError, isEbpfError } from "@ebpf/core";
import { type ElfError, readObject } from "@ebpf/elf";
import { describe, expect, test } from "vitest";
import { fixture, programOf } from "./support/fixture.js";
import { locateSection, locateSymbol, view } from "./support/locate.js";

type Change = (bytes: Uint8Array, data: DataView) => void;

const changed = (name: string, change: Change): Uint8Array => {
  const bytes = fixture(name);
  change(bytes, view(bytes));
  return bytes;
};

const errorOf = (bytes: Uint8Array): EbpfError => {
  try {
    readObject(bytes, { path: "x.o" });
  } catch (error) {
    if (isEbpfError(error)) return error;
    throw error;
  }
  throw new Error("it opened");
};

const section =
  (name: string, field: number, value: bigint): Change =>
  (bytes, data) => {
    data.setBigUint64(locateSection(bytes, name).header + field, value, true);
  };

/** Changes a name in the strings of `.BTF` alone. */
const replaceText =
  (from: string, to: string): Change =>
  (bytes) => {
    const { offset, size } = locateSection(bytes, ".BTF");
    const text = new TextDecoder("latin1").decode(bytes.subarray(offset, offset + size));
    bytes.set(new TextEncoder().encode(`\0${to}\0`), offset + text.indexOf(`\0${from}\0`));
  };

describe("a file that can't be read", () => {
  test.each<[string, Change, string, string]>([
    ["another magic number", (bytes) => bytes.set([0x7f, 0x45, 0x4c, 0x47]), "NOT_ELF", "x.o"],
    ["32 bits", (bytes) => bytes.set([1], 4), "WRONG_CLASS", "64-bit"],
    ["no byte order", (bytes) => bytes.set([3], 5), "NOT_ELF", "byte order"],
    ["another machine", (_, data) => data.setUint16(18, 62, true), "WRONG_MACHINE", "machine 62"],
    ["an executable", (_, data) => data.setUint16(16, 2, true), "WRONG_TYPE", "type is 2"],
    ["section headers behind the end", (_, data) => data.setBigUint64(40, 1n << 40n, true), "OUT_OF_RANGE", "x.o"],
    ["section headers at 2^63", (_, data) => data.setBigUint64(40, 1n << 63n, true), "OUT_OF_RANGE", "x.o"],
    ["more sections than bytes", (_, data) => data.setUint16(60, 0xff00, true), "OUT_OF_RANGE", "sections"],
    ["small section headers", (_, data) => data.setUint16(58, 40, true), "BAD_SECTION", "headers"],
    ["a section of 2^62 bytes", section(".text", 32, 1n << 62n), "OUT_OF_RANGE", "larger than any input"],
    ["a section behind the end", section(".text", 24, 1n << 32n), "OUT_OF_RANGE", "x.o"],
    ["overlapping sections", section(".text", 32, 11_000n), "BAD_SECTION", "overlap"],
    ["half an instruction", section("xdp", 32, 12n), "BAD_SECTION", "xdp"],
    ["global data of 2^40 bytes", section(".bss", 32, 1n << 40n), "BAD_SECTION", ".bss"],
    [
      "a symbol in no section",
      (bytes, data) => data.setUint16(locateSymbol(bytes, "first") + 6, 999, true),
      "BAD_SYMBOL",
      "999",
    ],
    [
      "a function inside of an instruction",
      (bytes, data) => data.setBigUint64(locateSymbol(bytes, "first") + 8, 4n, true),
      "BAD_SYMBOL",
      "first",
    ],
    [
      "a function behind its section",
      (bytes, data) => data.setBigUint64(locateSymbol(bytes, "first") + 8, 8000n, true),
      "BAD_SYMBOL",
      "first",
    ],
    [
      "two functions of one name",
      (bytes, data) => {
        const name = data.getUint32(locateSymbol(bytes, "first"), true);
        data.setUint32(locateSymbol(bytes, "second"), name, true);
      },
      "BAD_SYMBOL",
      "first is defined twice",
    ],
    ["BTF that is none", (bytes) => bytes.set([0, 0], locateSection(bytes, ".BTF").offset), "BAD_VALUE", ".BTF"],
    ["a map with an unknown member", replaceText("map_extra", "map_extrb"), "BAD_MAP", "map_extrb"],
    ["maps whose places are unknown", replaceText("outer", "outex"), "BAD_MAP", "overlaps"],
  ])("%s", (_, change, code, message) => {
    const error = errorOf(changed("features-el.o", change));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    // Every one says where in the file, or where the file leads to outside of itself.
    const { path, offset } = error as ElfError;
    expect(path).toMatch(/^x\.o/);
    expect(offset).toBeGreaterThanOrEqual(0);
  });

  test("the offset of an error counts from the start of the file", () => {
    const bytes = changed("features-el.o", (all) => all.set([0, 0], locateSection(all, ".BTF").offset));
    expect(errorOf(bytes)).toMatchObject({ path: "x.o/.BTF", offset: locateSection(bytes, ".BTF").offset });
  });

  test("nothing at all", () => {
    expect(errorOf(new Uint8Array(0)).code).toBe("NOT_ELF");
  });

  test.each([0, 99])("a legacy map of type %i", (type) => {
    const bytes = changed("legacy-el.o", (all, data) => data.setUint32(locateSection(all, "maps").offset, type, true));
    expect(errorOf(bytes)).toMatchObject({ code: "BAD_MAP", message: expect.stringContaining("counters") });
  });
});

describe("a program that can't be had leaves the others", () => {
  const programs = (change: Change) => readObject(changed("features-el.o", change), { path: "x.o" }).programs;
  const errorsOf = (change: Change): Record<string, string> =>
    Object.fromEntries(
      programs(change).flatMap((p) => {
        if (!("error" in p)) return [];
        expect((p.error as ElfError).path).toMatch(/^x\.o\//);
        expect((p.error as ElfError).offset).toBeGreaterThan(0);
        return [[p.name, p.error.code]];
      }),
    );
  const alreadyBad = {
    kernel_function: "UNRESOLVED_EXTERN",
    undefined_function: "UNDEFINED_SYMBOL",
    kernel_configuration: "UNRESOLVED_EXTERN",
    core: "NO_KERNEL_TYPES",
  };

  test("a map in the middle of another", () => {
    const change: Change = (bytes, data) => data.setBigUint64(locateSymbol(bytes, "license") + 8, 0n, true);
    expect(() => programs(change)).toThrow("no symbol license");
    const shifted: Change = (bytes, data) => {
      // The load of `by_key` in `first`, 15 slots into the section.
      data.setInt32(locateSection(bytes, "xdp").offset + 15 * 8 + 4, 8, true);
    };
    expect(errorsOf(shifted)).toEqual({ first: "BAD_RELOCATION", ...alreadyBad });
  });

  test("an address outside of global data", () => {
    const change: Change = (bytes, data) => data.setInt32(locateSection(bytes, "xdp").offset + 4, 100, true);
    expect(errorsOf(change)).toEqual({ tail: "BAD_RELOCATION", ...alreadyBad });
  });

  test("a call out of its section", () => {
    // `shared` calls `leaf` without a relocation.
    const change: Change = (bytes, data) => data.setInt32(locateSection(bytes, ".text").offset + 8 + 4, 1000, true);
    expect(errorsOf(change)).toEqual({ first: "BAD_CALL", ...alreadyBad });
  });

  test("a call into the middle of a wide load", () => {
    // To the second half of the load at slot 7 of `shared`.
    const change: Change = (bytes, data) => data.setInt32(locateSection(bytes, ".text").offset + 8 + 4, 6, true);
    expect(errorsOf(change)).toEqual({ first: "BAD_CALL", ...alreadyBad });
  });

  test("a reference to a map that no relocation makes", () => {
    // The wide load of `first` at slot 10 becomes one of a map.
    const change: Change = (bytes) => {
      bytes[locateSection(bytes, "xdp").offset + 10 * 8 + 1] = 0x11;
    };
    expect(errorsOf(change)).toEqual({ first: "BAD_RELOCATION", ...alreadyBad });
  });

  test.each<[string, Change, string]>([
    [
      "of no symbol",
      (bytes, data) => data.setUint32(locateSection(bytes, ".relxdp").offset + 12, 9999, true),
      "x.o/.relxdp[0]: there is no symbol 9999",
    ],
    [
      "inside of an instruction",
      (bytes, data) => data.setUint32(locateSection(bytes, ".relxdp").offset, 3, true),
      "x.o/xdp: no instruction begins at byte 3",
    ],
    [
      "behind its section",
      (bytes, data) => data.setUint32(locateSection(bytes, ".relxdp").offset, 80_000, true),
      "x.o/xdp: no instruction begins at byte 80000",
    ],
  ])("a relocation %s", (_, change, message) => {
    expect(errorsOf(change)).toMatchObject({ tail: "BAD_RELOCATION", first: "BAD_RELOCATION", ...alreadyBad });
    expect(programs(change)[0]).toMatchObject({ error: { message: expect.stringContaining(message) } });
  });

  test("a relocation type that is not known", () => {
    const change: Change = (bytes, data) => data.setUint32(locateSection(bytes, ".relxdp").offset + 8, 77, true);
    expect(errorsOf(change)).toEqual({ tail: "UNSUPPORTED_RELOCATION", ...alreadyBad });
  });

  test("a call's relocation of a load", () => {
    const change: Change = (bytes, data) => data.setUint32(locateSection(bytes, ".relxdp").offset + 8, 10, true);
    expect(errorsOf(change)).toEqual({ tail: "BAD_RELOCATION", ...alreadyBad });
  });

  test("a symbol in a section that is nothing", () => {
    const change: Change = (bytes, data) => {
      const license = (locateSection(bytes, "license").header - Number(data.getBigUint64(40, true))) / 64;
      data.setUint16(locateSymbol(bytes, "bloom") + 6, license, true);
    };
    expect(errorsOf(change)).toEqual({ strange: "UNKNOWN_SECTION", ...alreadyBad });
  });
});

describe("a call to where no function's symbol is", () => {
  const change =
    (sized: boolean): Change =>
    (bytes, data) => {
      // `shared` now calls the third instruction of `leaf`.
      data.setInt32(locateSection(bytes, ".text").offset + 8 + 4, 13, true);
      if (!sized) data.setBigUint64(locateSymbol(bytes, "leaf") + 16, 0n, true);
    };

  test("begins a function when symbols don't say how far functions reach", () => {
    const { functions } = programOf(readObject(changed("features-el.o", change(false))), "first");
    expect(functions.map(({ name }) => name)).toEqual(["first", "shared", ".text+15", "leaf"]);
  });

  test("is an error in the middle of a function", () => {
    const program = readObject(changed("features-el.o", change(true))).programs.find(({ name }) => name === "first");
    expect(program).toMatchObject({ error: { code: "BAD_CALL" } });
  });
});

test("every beginning of a file gives a typed error", () => {
  const whole = fixture("legacy-el.o");
  for (let length = 0; length < whole.length; length++) {
    expect(() => errorOf(whole.subarray(0, length))).not.toThrow();
  }
});
