import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BtfError, CoreRelocator, type CoreSlot, decodeBtf, decodeBtfExt, patchCore } from "@ebpf/btf";
import { bytesToHex } from "@ebpf/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, fixture, lacks, lacksClang, section } from "../support/tools.js";

/*
 * The same object relocated against the same types by libbpf and by us, instruction for instruction. libbpf relocates
 * only on the way into the kernel, so this needs the right to load programs.
 */

const folder = mkdtempSync(join(tmpdir(), "core-re-"));
const relocate = join(folder, "relocate");

const lacksLibbpf = (): string => {
  const { status } = spawnSync("cc", ["-o", relocate, fixture("relocate.c"), "-lbpf"]);
  return status === 0 ? "" : " (skipped: no C compiler with libbpf-dev)";
};

const missing =
  lacksClang() || lacks("cc") || lacksLibbpf() || (process.getuid?.() === 0 ? "" : " (skipped: not root)");

/** What libbpf says: instructions in hexadecimal by section, and its warnings. */
const libbpf = (object: string): { readonly code: Map<string, string>; readonly warnings: string } => {
  const { stdout, stderr } = spawnSync(relocate, [join(folder, object), join(folder, "target.o")], {
    encoding: "utf8",
  });
  const rows = stdout.split("\n").filter((line) => line.startsWith("kprobe/"));
  return { code: new Map(rows.map((row) => row.split(" ") as [string, string])), warnings: stderr };
};

const slotAt = (code: DataView, offset: number): CoreSlot => ({
  opcode: code.getUint8(offset),
  dst: code.getUint8(offset + 1) & 15,
  src: code.getUint8(offset + 1) >> 4,
  offset: code.getInt16(offset + 2, true),
  imm: code.getInt32(offset + 4, true),
});

const writeSlot = (code: DataView, offset: number, slot: CoreSlot): void => {
  code.setUint8(offset, slot.opcode);
  code.setUint8(offset + 1, slot.dst | (slot.src << 4));
  code.setInt16(offset + 2, slot.offset, true);
  code.setInt32(offset + 4, slot.imm, true);
};

/** The instructions of every section with relocations, relocated by us, in hexadecimal. */
const ours = (object: string): Map<string, string> => {
  const local = decodeBtf(section(folder, object, ".BTF"));
  const relocator = new CoreRelocator(local, decodeBtf(section(folder, "target.o", ".BTF")));
  const { relocations } = decodeBtfExt(section(folder, object, ".BTF.ext"), local);
  return new Map(
    [...relocations].map(([name, records]) => {
      const bytes = section(folder, object, name);
      const code = new DataView(bytes.buffer);
      for (const record of records) {
        const slots = code.getUint8(record.offset) === 0x18 ? [0, 8] : [0];
        const before = slots.map((at) => slotAt(code, record.offset + at));
        patchCore(before, relocator.resolve(record)).forEach((slot, i) => {
          writeSlot(code, record.offset + 8 * i, slot);
        });
      }
      return [name, bytesToHex(bytes)];
    }),
  );
};

describe.skipIf(missing !== "")(`CO-RE as libbpf does it${missing}`, () => {
  beforeAll(() => {
    compile(fixture("core-local.c"), join(folder, "local.o"));
    compile(fixture("core-target.c"), join(folder, "target.o"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("every kind of relocation", () => {
    const expected = libbpf("local.o").code;
    const relocated = ours("local.o");
    expect(relocated.size).toBe(10);
    expect(expected.size).toBe(10);
    for (const [name, code] of relocated) expect([name, code]).toEqual([name, expected.get(name)]);
  });

  test.each([
    [1, "AMBIGUOUS_RELOCATION", "field offset ambiguity"],
    [2, "AMBIGUOUS_RELOCATION", "relocation decision ambiguity"],
    [3, "BAD_RELOCATION", "value too big"],
    [4, "BAD_RELOCATION", "can't be satisfied for bitfield"],
    [5, "BAD_RELOCATION", "invalid new mem size: 16"],
  ])("what is refused: BAD=%i is %s", (bad, code, warning) => {
    const object = `bad${bad}.o`;
    compile(fixture("core-local.c"), join(folder, object), `-DBAD=${bad}`);
    expect(libbpf(object).warnings).toContain(warning);
    expect(() => ours(object)).toThrow(expect.objectContaining({ code }));
    expect(() => ours(object)).toThrow(BtfError);
  });
});
