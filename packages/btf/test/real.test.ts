import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type BtfType, decodeBtf, encodeBtf } from "@ebpf/btf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { corporaFile } from "./support/corpora.js";

/*
 * Types that a compiler and a kernel really made, compared with what bpftool says of them.
 */

const lacks = (program: string, flag = "--version"): string =>
  spawnSync(program, [flag]).error === undefined ? "" : ` (skipped: no ${program})`;

/** bpftool's JSON of one type. */
interface DumpedType {
  readonly id: number;
  readonly kind: string;
  readonly name?: string;
  readonly [field: string]: unknown;
}

const dump = (file: string): DumpedType[] => {
  const text = execFileSync("bpftool", ["-j", "btf", "dump", "file", file], { maxBuffer: 1 << 30 }).toString();
  return (JSON.parse(text) as { types: DumpedType[] }).types;
};

/** A type of ours in bpftool's words; fields that need more than the type itself are left out. */
const inBpftoolWords = (type: BtfType): Record<string, unknown> => {
  switch (type.kind) {
    case "int": {
      const encoding = { none: "(none)", signed: "SIGNED", char: "CHAR", bool: "BOOL" }[type.encoding];
      return { size: type.size, bits_offset: type.bitOffset, nr_bits: type.bits, encoding };
    }
    case "array":
      return { type_id: type.elementType, index_type_id: type.indexType, nr_elems: type.length };
    case "struct":
    case "union":
      return {
        size: type.size,
        members: type.members.map(({ name, type: id, bitOffset, bitSize }) => ({
          name: name || "(anon)",
          type_id: id,
          bits_offset: bitOffset,
          ...(bitSize > 0 ? { bitfield_size: bitSize } : {}),
        })),
      };
    case "enum":
      return {
        size: type.size,
        encoding: type.signed ? "SIGNED" : "UNSIGNED",
        values: type.values.map(({ name, value }) => ({ name, val: value })),
      };
    case "enum64":
      return { size: type.size, values: type.values.map(({ name, value }) => ({ name, val: Number(value) })) };
    case "fwd":
      return { fwd_kind: type.target };
    case "func":
      return { type_id: type.type, linkage: type.linkage };
    case "func_proto":
      return {
        ret_type_id: type.returnType,
        params: type.parameters.map(({ name, type: id }) => ({ name: name || "(anon)", type_id: id })),
      };
    case "var":
      return { type_id: type.type };
    case "datasec":
      return {
        size: type.size,
        vars: type.variables.map(({ type: id, offset, size }) => ({ type_id: id, offset, size })),
      };
    case "decl_tag":
      return { type_id: type.type, component_idx: type.component };
    case "float":
      return { size: type.size };
    case "void":
      return {};
    default:
      return { type_id: type.type };
  }
};

const compare = (types: readonly BtfType[], dumped: readonly DumpedType[]): void => {
  expect(types).toHaveLength(dumped.length + 1);
  for (const row of dumped) {
    const type = types[row.id]!;
    expect(type.kind).toBe(row.kind.toLowerCase());
    expect(("name" in type && type.name) || "(anon)").toBe(row.name ?? "(anon)");
    expect(row).toMatchObject(inBpftoolWords(type));
  }
};

const source = fileURLToPath(new URL("./fixtures/kinds.c", import.meta.url));
const lacksTools = lacks("clang-19") || lacks("llvm-objcopy-19") || lacks("bpftool", "version");

describe.skipIf(lacksTools !== "")(`what clang makes${lacksTools}`, () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "btf-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each(["bpfel", "bpfeb"])("is what bpftool reads, %s", (target) => {
    const object = join(folder, `${target}.o`);
    const raw = join(folder, `${target}.btf`);
    execFileSync("clang-19", ["-O2", "-g", "-target", target, "-c", source, "-o", object]);
    execFileSync("llvm-objcopy-19", [`--dump-section=.BTF=${raw}`, object]);
    const btf = decodeBtf(readFileSync(raw));
    const kinds = new Set(btf.types.map(({ kind }) => kind));
    expect(kinds.size).toBe(20); // all of the 19 and void
    compare(btf.types, dump(object));

    const again = join(folder, `${target}-again.btf`);
    writeFileSync(again, encodeBtf(btf));
    compare(btf.types, dump(again));
  });
});

const vmlinux = corporaFile("vmlinux-6.18.btf.gz");

describe.skipIf(vmlinux.missing !== "")(`the kernel's own types${vmlinux.missing}`, () => {
  const bytes = vmlinux.missing === "" ? gunzipSync(readFileSync(vmlinux.path)) : new Uint8Array();

  test("come back unchanged from both byte orders", () => {
    const btf = decodeBtf(bytes);
    for (const order of ["little", "big"] as const) {
      const again = decodeBtf(encodeBtf(btf, order));
      expect(again.types.length).toBe(btf.types.length);
      // A matcher would walk a million members one by one; as text they compare at once.
      expect(asText(again.types) === asText(btf.types)).toBe(true);
    }
  });

  test("have the layout of an Ethernet header", () => {
    const btf = decodeBtf(bytes);
    const id = btf.findByName("ethhdr", "struct")!;
    expect(btf.sizeOf(id)).toBe(14);
    expect(btf.fields(id).map(({ name, bitOffset }) => [name, bitOffset])).toEqual([
      ["h_dest", 0],
      ["h_source", 48],
      ["h_proto", 96],
    ]);
  });

  const lacksBpftool = lacks("bpftool", "version");
  test.skipIf(lacksBpftool !== "")(`are as many as bpftool counts${lacksBpftool}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "btf-"));
    const file = join(folder, "vmlinux.btf");
    writeFileSync(file, bytes);
    const rows = execFileSync("bpftool", ["btf", "dump", "file", file], { maxBuffer: 1 << 30 }).toString();
    rmSync(folder, { recursive: true });
    expect(decodeBtf(bytes).types.length - 1).toBe(rows.match(/^\[\d+\] /gm)?.length);
  });
});

const asText = (types: readonly BtfType[]): string =>
  JSON.stringify(types, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
