import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "@ebpf/asm";
import { isEbpfError } from "@ebpf/core";
import { linkObjects, readObject, writeObject } from "@ebpf/elf";
import type { ProgramSpec } from "@ebpf/platform";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fixture, fixturePath, programOf } from "../support/fixture.js";
import { locateSection } from "../support/locate.js";

const input = (path: string) => ({ path, bytes: fixture(path) });

/** Operations and immediates of a function. */
const codeOf = (program: ProgramSpec, name: string): string[] => {
  const at = program.functions.findIndex((f) => f.name === name);
  const slots = program.instructions.slice(program.functions[at]!.pc, program.functions[at + 1]?.pc);
  return slots.map(({ op, imm }) => `${op.name} ${imm}`);
};

describe.each(["el", "eb"])("linked-a.c and linked-b.c, %s", (suffix) => {
  const object = readObject(linkObjects([input(`linked-a-${suffix}.o`), input(`linked-b-${suffix}.o`)]), {
    path: "linked.o",
  });
  const a = programOf(object, "from_a");
  const b = programOf(object, "from_b");

  test("each program has its own static functions, and those that the other file defines", () => {
    expect(a.functions.map(({ name }) => name)).toEqual([
      "from_a",
      "callback",
      "defined_in_b",
      "same_name",
      "same_name",
      "overridden",
    ]);
    expect(b.functions.map(({ name }) => name)).toEqual(["from_b", "callback", "defined_in_b", "same_name"]);
    // b's `same_name` multiplies by 3.
    expect(codeOf(b, "same_name")).toContain("mul32_imm 3");
  });

  test("the weak function gave way", () => {
    expect(codeOf(a, "overridden")).toContain("add32_imm 5");
    expect(codeOf(a, "overridden")).not.toContain("mul32_imm 1000");
  });

  test("there is one of each map, with the types of its definition", () => {
    expect([...object.maps.values()].map(({ name }) => name)).toEqual(["first_map", "second_map", ".data", ".bss"]);
    const second = [...object.maps.values()][1]!;
    expect(second).toMatchObject({ type: "hash", maxEntries: 16, keySize: 4, valueSize: 4 });
    expect([...a.maps.values()].map(({ name }) => name)).toEqual(["first_map", "second_map", ".data"]);
  });

  test("global data of both follow each other", () => {
    const { btf } = object;
    const fields = btf!.fields(btf!.findByName(".data", "datasec")!);
    expect(fields.map(({ name, bitOffset }) => [name, bitOffset / 8])).toEqual([
      ["both", 0],
      ["counter_of_b", 4],
    ]);
    expect([...btf!.ownTypes()].filter((type) => "linkage" in type && type.linkage === "extern")).toEqual([]);
  });

  test("functions have their types, and lines their files", () => {
    for (const program of [a, b]) {
      for (const { name, typeId } of program.functions) expect(object.btf!.type(typeId!)).toMatchObject({ name });
      for (const { pc } of program.functions) expect(program.lines.some((line) => line.pc === pc)).toBe(true);
    }
    expect(new Set(a.lines.map(({ file }) => file.split("/").at(-1)))).toEqual(new Set(["linked-a.c", "linked-b.c"]));
  });

  test("license", () => expect(object.license).toBe("GPL"));
});

const noBpftool = spawnSync("bpftool", ["version"]).error === undefined ? "" : " (skipped: no bpftool)";

describe.skipIf(noBpftool !== "")(`types that bpftool gives a linked object, too${noBpftool}`, () => {
  const kindsIn = (path: string): string[] => {
    const text = execFileSync("bpftool", ["btf", "dump", "file", path], { encoding: "utf8" });
    return [...text.matchAll(/^\[\d+\] (\w+) '?([^']*?)'? /gm)].map(([, kind, name]) => `${kind} ${name}`).sort();
  };

  // The other way round bpftool leaves the signature of a declaration that nothing refers to.
  test.each([[["linked-a-el.o", "linked-b-el.o"]], [["features-el.o"]]])("%j", (names) => {
    const folder = mkdtempSync(join(tmpdir(), "ebpf-link-"));
    try {
      const [ours, theirs] = ["ours.o", "theirs.o"].map((name) => join(folder, name)) as [string, string];
      writeFileSync(ours, linkObjects(names.map(input)));
      execFileSync("bpftool", ["gen", "object", theirs, ...names.map(fixturePath)]);
      expect(kindsIn(ours).length).toBeGreaterThan(40);
      expect(kindsIn(ours)).toEqual(kindsIn(theirs));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("one object linked alone has the same programs", () => {
  const alone = readObject(linkObjects([input("features-el.o")]));
  const direct = readObject(fixture("features-el.o"));
  expect(alone.programs.map(({ name }) => name)).toEqual(direct.programs.map(({ name }) => name));
  for (const name of ["tail", "first", "second", "probe", "weak_symbol"]) {
    expect(programOf(alone, name).instructions).toEqual(programOf(direct, name).instructions);
    expect(programOf(alone, name).lines).toEqual(programOf(direct, name).lines);
  }
});

describe("what can't be linked", () => {
  const written = (text: string, license = "GPL", order: "little" | "big" = "little") => ({
    path: `${license}.o`,
    bytes: writeObject({ assembly: assemble(text, { dialect: "kernel", order }), license, order }),
  });
  const PASS = '.section xdp,"ax"\n.globl pass\n.type pass,@function\npass: r0 = 2\nexit\n';
  test.each([
    ["two definitions of a name", () => [written(PASS), written(PASS)], "BAD_SYMBOL", "pass is defined in"],
    ["two licenses", () => [written(PASS), written(PASS.replaceAll("pass", "p"), "MIT")], "BAD_SECTION", "license"],
    [
      "two byte orders",
      () => [written(PASS), written(PASS.replaceAll("pass", "p"), "GPL", "big")],
      "BAD_SECTION",
      "byte order",
    ],
    [
      "code and data of one name",
      () => [written(PASS), written('.section xdp,"aw"\nx: .long 1\n.text\nr0 = 0\nexit')],
      "BAD_SECTION",
      "xdp",
    ],
  ])("%s", (_, inputs, code, message) => {
    expect(() => linkObjects(inputs())).toThrow(expect.objectContaining({ code }));
    expect(() => linkObjects(inputs())).toThrow(message);
  });

  test("an alignment that is none", () => {
    const bytes = fixture("linked-a-el.o");
    new DataView(bytes.buffer).setBigUint64(locateSection(bytes, ".text").header + 48, 3n, true);
    expect(() => linkObjects([{ path: "x.o", bytes }])).toThrow(expect.objectContaining({ code: "BAD_SECTION" }));
  });
});

test("changed bytes give an object or a typed error", () => {
  const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = fixture("linked-a-el.o");
      for (const { at, value } of changes) bytes[at % bytes.length] = value;
      try {
        linkObjects([{ path: "a.o", bytes }, input("linked-b-el.o")]);
      } catch (error) {
        if (!isEbpfError(error)) throw error;
      }
    }),
    { seed: 1, numRuns: 600 },
  );
});
