import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assemble, at, ProgramBuilder, R0, R1, R2, R10 } from "@ebpf/asm";
import { programsAssembly, readObject, writeObject } from "@ebpf/elf";
import { Kernel, LOG_LEVEL, probeKernel } from "@ebpf/kernel";
import type { MapSpec } from "@ebpf/platform";
import { afterAll, describe, expect, it } from "vitest";

const MAP: MapSpec = { name: "counters", type: "array", keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };

/** A map, a function, constants, lines of source. */
const TEXT = `.section xdp,"ax",@progbits
.globl count
.type count,@function
count:
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = counters ll
  call 1
  if r0 == 0 goto out
  r1 = r0
  call bump
out:
  r1 = limit ll
  r0 = *(u32 *)(r1 + 0)
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
limit: .long 2
`;

const fromText = (): Uint8Array =>
  writeObject({
    assembly: assemble(TEXT, { dialect: "kernel" }),
    license: "GPL",
    maps: [MAP],
    source: { file: "count.s", text: TEXT },
  });

const fromBuilder = (): Uint8Array => {
  const instructions = new ProgramBuilder()
    .loadWide("map", R1, { low: 7 })
    .mov(R2, R10)
    .alu("add", R2, -4)
    .store(4, at(R10, -4), 0)
    .call(1)
    .callLocal("sub")
    .mov(R0, 2)
    .exit()
    .label("sub")
    .mov(R0, 1)
    .exit()
    .build();
  const functions = [
    { pc: 0, name: "built" },
    { pc: 9, name: "sub" },
  ];
  const assembly = programsAssembly([
    { name: "built", section: "xdp", instructions, functions, maps: new Map([[7, MAP]]) },
  ]);
  return writeObject({ assembly, license: "GPL", maps: [MAP] });
};

const OBJECTS = [
  ["text", fromText],
  ["the builder", fromBuilder],
] as const;

const availability = await probeKernel();
const missing = availability.available ? "" : ` (skipped: ${availability.message})`;
const kernel = availability.available ? await Kernel.open() : undefined;
afterAll(() => kernel?.[Symbol.dispose]());

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe.skipIf(kernel === undefined)(`objects that we write${missing}`, () => {
  it.each(OBJECTS)("are loaded by the kernel, with types, functions and lines: from %s", (_from, write) => {
    const [program] = readObject(write()).programs;
    if (program === undefined || "error" in program) throw new Error("no program");
    expect(program.spec.btf).toBeDefined();
    expect(program.spec.functions).toHaveLength(2);
    for (const { typeId } of program.spec.functions) expect(typeId).toBeGreaterThan(0);
    const { log, program: made } = kernel!.load(program.spec, { keep: true, logLevel: LOG_LEVEL.instructions });
    // The kernel's log has the lines that it was given.
    expect(log.includes("; call bump @ count.s:12")).toBe(program.spec.lines.length > 0);
    using loaded = made;
    // Its own constant, or the builder's.
    expect(loaded!.testRun({ data: new Uint8Array(64) }).returnValue).toBe(2);
  });

  it("are to libbpf what they are to us: instructions, functions, lines and maps", (context) => {
    const folder = mkdtempSync(join(tmpdir(), "ebpf-written-"));
    try {
      for (const [name, write] of OBJECTS) writeFileSync(join(folder, `${name.replace(" ", "_")}.o`), write());
      const { stdout, stderr, status } = spawnSync("node", ["scripts/compare-libbpf.mjs", folder], {
        cwd: ROOT,
        encoding: "utf8",
      });
      if (status !== 0 && /libbpf\.so|koffi/.test(stderr)) context.skip("no libbpf");
      expect(JSON.parse(stdout.trim().split("\n").at(-1)!)).toMatchObject({
        opened: 2,
        programs: { compared: 2, equal: 2, different: 0 },
        maps: { compared: 3, different: 0 },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
