import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeBtf, dumpTypeScript } from "@ebpf/btf";
import { transform } from "esbuild";
import { afterAll, describe, expect, test } from "vitest";
import { compile, fixture, lacksClang, section } from "../support/tools.js";

/*
 * A structure filled in by C, compiled for this machine, and read and written by the code that is made from the types that
 * clang describes it with for BPF: bytes and values come from the compiler and not from this package.
 */

const missing = lacksClang() || (process.arch === "x64" ? "" : " (skipped: not an x86-64 machine)");
const folder = missing === "" ? mkdtempSync(join(tmpdir(), "dump-ts-")) : "";

afterAll(() => {
  if (folder !== "") rmSync(folder, { recursive: true });
});

/** What native.c puts into its structure. */
const VALUES = {
  tag: -7,
  low: 5,
  sign: -3,
  wide: -123456789012n,
  next: {
    kind: 2,
    on: true,
    grid: [
      [-1, 2],
      [3, -4],
      [5, -6],
    ],
  },
  name: "clang",
  ratio: -0.375,
  state: -2,
  huge: 1n << 40n,
  inner: 77,
};

describe.skipIf(missing !== "")(`code over bytes that clang laid out${missing}`, () => {
  test("reads the values that C put there, and writes the same bytes", async () => {
    const source = fixture("native.c");
    const program = join(folder, "native");
    execFileSync("clang-19", ["-O1", source, "-o", program]);
    const bytes = new Uint8Array(execFileSync(program));
    compile(source, join(folder, "native.o"));
    const btf = decodeBtf(section(folder, "native.o", ".BTF"));
    const id = btf.findByName("record", "struct")!;
    const { code } = await transform(dumpTypeScript(btf, { types: [id] }), { loader: "ts" });
    writeFileSync(join(folder, "types.mjs"), code);
    const module = (await import(join(folder, "types.mjs"))) as {
      readonly sizeOfRecord: number;
      readonly readRecord: (view: DataView) => object;
      readonly writeRecord: (view: DataView, offset: number, value: object) => void;
    };
    expect(module.sizeOfRecord).toBe(bytes.length);
    const value = module.readRecord(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    expect(value).toMatchObject(VALUES);
    expect(value).toMatchObject({ either: { number: 0x01020304, halves: [0x0304, 0x0102] } });
    const written = new Uint8Array(bytes.length);
    module.writeRecord(new DataView(written.buffer), 0, { ...VALUES, either: { number: 0x01020304 } });
    expect(written).toEqual(bytes);
  });
});
