import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble, at, encode, ProgramBuilder, R0, R1, R2, R10 } from "@ebpf/asm";
import type { BtfDatasec } from "@ebpf/btf";
import { bytesToHex } from "@ebpf/core";
import { programsAssembly, readObject, writeObject } from "@ebpf/elf";
import type { MapSpec } from "@ebpf/platform";
import { afterAll, describe, expect, test } from "vitest";
import { programOf } from "../support/fixture.js";

const COUNTERS: MapSpec = { name: "counters", type: "array", keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };

const TEXT = `.section xdp,"ax",@progbits
.globl count
.type count,@function
count:
  r2 = 0
  *(u32 *)(r10 - 4) = r2
  r2 = r10
  r2 += -4
  r1 = counters ll
  call 1
  if r0 == 0 goto out
  r1 = r0
  call bump
  r1 = limit ll
  r1 = *(u32 *)(r1 + 0)
out:
  r0 = 2
  exit

.text
.type bump,@function
bump:
  r2 = 1
  lock *(u64 *)(r1 + 0) += r2
  r0 = 0
  exit

.section .rodata,"a",@progbits
.globl limit
.type limit,@object
limit: .long 42
`;

const written = (order: "little" | "big") =>
  writeObject({
    assembly: assemble(TEXT, { dialect: "kernel", order }),
    order,
    license: "GPL",
    maps: [COUNTERS],
    source: { file: "count.s", text: TEXT },
  });

describe.each(["little", "big"] as const)("an object written from text, %s-endian", (order) => {
  const object = readObject(written(order));
  const program = programOf(object, "count");

  test("is read back", () => {
    expect(object).toMatchObject({ byteOrder: order, license: "GPL" });
    expect([...object.maps.values()]).toMatchObject([COUNTERS, { name: ".rodata", frozen: true, valueSize: 4 }]);
    expect(program).toMatchObject({ type: "xdp", section: "xdp" });
    expect(program.functions.map(({ pc, name, linkage }) => [pc, name, linkage])).toEqual([
      [0, "count", "global"],
      [15, "bump", "static"],
    ]);
  });

  test("has the instructions of the text, with maps and calls resolved", () => {
    // By hand: the map is handle 1, .rodata 2; `bump` begins 5 slots behind the call at 9.
    expect(program.instructions.map(({ op, imm }) => [op.name, imm]).filter(([, imm]) => imm !== 0)).toEqual([
      ["add64_imm", -4],
      ["lddw_map", 1],
      ["call", 1],
      ["call_local", 5],
      ["lddw_map_value", 2],
      ["mov64_imm", 2],
      ["mov64_imm", 1],
    ]);
  });

  test("knows the line of each instruction", () => {
    const texts = TEXT.split("\n");
    expect(program.lines[0]).toEqual({ pc: 0, file: "count.s", text: "  r2 = 0", line: 5, column: 0 });
    for (const { line, text } of program.lines) expect(text).toBe(texts[line - 1]);
    expect(program.lines.find(({ pc }) => pc === 15)?.text).toBe("  r2 = 1");
  });
});

test("a program of the builder, with a map, a function and a callback", () => {
  const instructions = new ProgramBuilder()
    .loadWide("map", R1, { low: 7 })
    .mov(R2, R10)
    .alu("add", R2, -4)
    .store(4, at(R10, -4), 0)
    .call(1)
    .callLocal("sub")
    .loadFunction(R2, "sub")
    .mov(R0, 2)
    .exit()
    .label("sub")
    .mov(R0, 1)
    .exit()
    .build();
  const functions = [
    { pc: 0, name: "built" },
    { pc: 11, name: "sub" },
  ];
  const source = { section: "xdp", instructions, functions, maps: new Map([[7, COUNTERS]]) };
  const assembly = programsAssembly([
    { ...source, name: "built" },
    { ...source, name: "again" },
  ]);
  const object = readObject(writeObject({ assembly, maps: [COUNTERS] }));
  for (const name of ["built", "again"]) {
    const program = programOf(object, name);
    const expected = instructions.map((slot) => (slot.op.name === "lddw_map" ? { ...slot, imm: 1 } : slot));
    expect(bytesToHex(encode(program.instructions))).toBe(bytesToHex(encode(expected)));
    expect(program.functions.map((f) => [f.pc, f.name])).toEqual([
      [0, name],
      [11, `${name}.sub`],
    ]);
  }
});

test("maps with everything that their description has words for", () => {
  const inner: MapSpec = { name: "outer.inner", type: "hash", keySize: 4, valueSize: 16, maxEntries: 3, flags: 1 };
  const maps: MapSpec[] = [
    { name: "filter", type: "bloom_filter", keySize: 0, valueSize: 4, maxEntries: 9, flags: 0, extra: 5n },
    { name: "wide", type: "arena", keySize: 0, valueSize: 0, maxEntries: 2, flags: 1024, extra: 1n << 44n },
    { name: "pinned", type: "hash", keySize: 8, valueSize: 8, maxEntries: 1, flags: 4, numaNode: 1, pinning: "name" },
    { name: "replaced", type: "hash", keySize: 4, valueSize: 8, maxEntries: 1, flags: 0, pinning: 16 },
    { name: "one", type: "hash", keySize: 4, valueSize: 16, maxEntries: 3, flags: 1 },
    {
      name: "outer",
      type: "array_of_maps",
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
      flags: 0,
      inner,
      initial: [{ key: Uint8Array.of(1, 0, 0, 0), value: { reference: "one" } }],
    },
  ];
  const assembly = programsAssembly([]);
  expect([...readObject(writeObject({ assembly, maps })).maps.values()]).toEqual(maps);
});

test("a name that nobody defines is left to the linker", () => {
  const object = readObject(writeObject({ assembly: assemble("r1 = nothing ll\nexit", { dialect: "kernel" }) }));
  expect(object.programs).toMatchObject([{ name: "_text", error: { code: "UNDEFINED_SYMBOL" } }]);
});

describe("what can't be written", () => {
  const text = (body: string) => assemble(body, { dialect: "kernel" });
  test.each([
    [
      "a map of values that are bytes",
      () =>
        writeObject({
          assembly: text("exit"),
          maps: [{ ...COUNTERS, initial: [{ key: new Uint8Array(4), value: new Uint8Array(8) }] }],
        }),
      "BAD_MAP",
    ],
    ["two maps of one name", () => writeObject({ assembly: text("exit"), maps: [COUNTERS, COUNTERS] }), "BAD_SYMBOL"],
    [
      "a handle without a map",
      () =>
        programsAssembly([
          {
            name: "p",
            section: "xdp",
            instructions: new ProgramBuilder().loadWide("map", R1, { low: 3 }).exit().build(),
          },
        ]),
      "BAD_MAP",
    ],
    [
      "a call to where no function begins",
      () =>
        programsAssembly([
          { name: "p", section: "xdp", instructions: new ProgramBuilder().callLocal(0).exit().build() },
        ]),
      "BAD_CALL",
    ],
  ])("%s", (_, write, code) => {
    expect(write).toThrow(expect.objectContaining({ code }));
  });
});

test("variables have a type of their size", () => {
  const { btf } = readObject(written("little"));
  const [section] = [...btf!.ownTypes()].filter(({ kind }) => kind === "datasec").slice(-1);
  expect(section).toMatchObject({ name: ".rodata", size: 4, variables: [{ offset: 0, size: 4 }] });
  const { type } = (section as BtfDatasec).variables[0]!;
  expect(btf!.type(type)).toMatchObject({ kind: "var", name: "limit", linkage: "global" });
});

const noBpftool = spawnSync("bpftool", ["version"]).error === undefined ? "" : " (skipped: no bpftool)";

describe.skipIf(noBpftool !== "")(`agreement with libbpf, as bpftool has it${noBpftool}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-elf-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "count.o");
  writeFileSync(path, written("little"));
  const bpftool = (...args: string[]): string => execFileSync("bpftool", args, { encoding: "utf8", stdio: "pipe" });

  test("it opens the object, with all maps, programs and variables", () => {
    const skeleton = bpftool("gen", "skeleton", path);
    expect(skeleton).toMatch(/struct bpf_map \*counters;\s+struct bpf_map \*rodata;/);
    expect(skeleton).toContain("struct bpf_program *count;");
    expect(skeleton).toContain("unsigned int limit;");
  });

  test("it links the object, and the types come out as they were", () => {
    const linked = join(folder, "linked.o");
    bpftool("gen", "object", linked, path);
    const text = (file: string) => bpftool("btf", "dump", "file", file, "format", "raw");
    for (const type of ["VAR 'limit'", "VAR 'counters'", "FUNC 'count'", "FUNC 'bump'", "DATASEC '.rodata' size=4"]) {
      expect(text(path)).toContain(type);
      expect(text(linked)).toContain(type);
    }
    const code = (file: string) => programOf(readObject(readFileSync(file)), "count").instructions;
    expect(bytesToHex(encode(code(linked)))).toBe(bytesToHex(encode(code(path))));
  });
});

const READELF = "llvm-readelf-19";
const missing = spawnSync(READELF, ["--version"]).error === undefined ? "" : ` (skipped: no ${READELF})`;

describe.skipIf(missing !== "")(`agreement with llvm${missing}`, () => {
  test.each(["little", "big"] as const)("%s-endian", (order) => {
    const folder = mkdtempSync(join(tmpdir(), "ebpf-elf-"));
    try {
      const path = join(folder, "count.o");
      writeFileSync(path, written(order));
      const { stdout, stderr } = spawnSync(READELF, ["--all", "--wide", path], { encoding: "utf8" });
      expect(stderr).toBe("");
      expect(stdout).toMatch(/R_BPF_64_64\s+\S+ counters/);
      expect(stdout).toMatch(/R_BPF_64_32\s+\S+ bump/);
      expect(stdout).toMatch(/120 FUNC\s+GLOBAL DEFAULT\s+2 count/);
      expect(stdout).toMatch(/32 OBJECT\s+GLOBAL DEFAULT\s+4 counters/);
      const code = execFileSync("llvm-objdump-19", ["-d", "--no-show-raw-insn", path], { encoding: "utf8" });
      expect(code).toContain("lock *(u64 *)(r1 + 0x0) += r2");
      expect(code).toContain("<count>:");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
