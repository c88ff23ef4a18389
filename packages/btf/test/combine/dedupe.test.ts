import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Btf, BtfBuilder, type BtfType, concatBtf, decodeBtf, dedupeBtf } from "@ebpf/btf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { btfTypes } from "../support/arbitrary.js";
import { corporaFile } from "../support/corpora.js";
import { compile, fixture, lacks, lacksClang, section } from "../support/tools.js";

const composite = (name: string, size: number, ...members: number[]): BtfType => ({
  kind: "struct",
  name,
  size,
  members: members.map((type, i) => ({ name: `m${i}`, type, bitOffset: 0, bitSize: 0 })),
});

describe("dedupeBtf", () => {
  test("leaves one of two circles of types", () => {
    const circle = (): Btf => {
      const types = new BtfBuilder();
      const node = types.struct("node", { next: types.pointer(types.nextId + 1) });
      types.struct("list", { first: types.pointer(node) });
      return types.build();
    };
    const { btf, offsets } = concatBtf([circle(), circle()]);
    const { btf: once, ids } = dedupeBtf(btf);
    expect(once.types).toEqual(circle().types);
    expect([...ids]).toEqual([0, 1, 2, 3, 1, 2, 3]);
    expect(offsets).toEqual([0, 3]);
  });

  test("keeps what differs only far away", () => {
    const types = [
      { kind: "int", name: "int", size: 4, encoding: "none", bits: 32, bitOffset: 0 },
      { kind: "int", name: "int", size: 4, encoding: "signed", bits: 32, bitOffset: 0 },
      { kind: "ptr", type: 1 },
      { kind: "ptr", type: 2 },
      composite("s", 8, 3),
      composite("s", 8, 4),
    ] as const satisfies BtfType[];
    expect(dedupeBtf(new Btf(types)).btf.types).toEqual(new Btf(types).types);
  });

  test("puts definitions in the place of declarations, though each needs the other's", () => {
    const half = (defined: string, declared: string): Btf =>
      new Btf([composite(defined, 8, 2), { kind: "ptr", type: 3 }, { kind: "fwd", name: declared, target: "struct" }]);
    const { btf } = concatBtf([half("a", "b"), half("b", "a"), half("a", "b")]);
    expect(dedupeBtf(btf).btf.types.slice(1)).toEqual([
      composite("a", 8, 2),
      { kind: "ptr", type: 3 },
      composite("b", 8, 4),
      { kind: "ptr", type: 1 },
    ]);
  });

  test("leaves a declaration that several definitions would fit", () => {
    const types: BtfType[] = [
      composite("a", 8),
      composite("a", 16),
      { kind: "fwd", name: "a", target: "struct" },
      { kind: "ptr", type: 3 },
    ];
    expect(dedupeBtf(new Btf(types)).btf.types.slice(1)).toEqual(types);
  });

  test("finds types in the base, and leaves variables alone", () => {
    const base = new Btf([composite("a", 8), { kind: "ptr", type: 1 }]);
    const split = new Btf(
      [
        { kind: "ptr", type: 4 },
        composite("a", 8),
        { kind: "var", name: "v", type: 3, linkage: "global" },
        { kind: "var", name: "v", type: 3, linkage: "global" },
      ],
      { base },
    );
    const { btf, ids } = dedupeBtf(split);
    expect([...ids]).toEqual([0, 1, 2, 2, 1, 3, 4]);
    expect(btf.type(3)).toEqual({ kind: "var", name: "v", type: 2, linkage: "global" });
  });

  test("a chain of 30,000 pointers takes no longer than it must", () => {
    const chain = Array.from({ length: 30_000 }, (_, i): BtfType => ({ kind: "ptr", type: i }));
    expect(
      dedupeBtf(new Btf([...chain, ...chain.map((_, i): BtfType => ({ kind: "ptr", type: i === 0 ? 0 : 30_000 + i }))]))
        .btf.typeCount,
    ).toBe(30_001);
  });

  test("twice the same types are once the same types", () => {
    fc.assert(
      fc.property(btfTypes, (types) => {
        const own = types.filter(({ kind }) => kind !== "var" && kind !== "datasec");
        const btf = new Btf(own.map((type) => JSON.parse(JSON.stringify(type, bigintAsNumber)) as BtfType));
        if (own.length < types.length) return; // ids would no longer fit
        const once = dedupeBtf(btf).btf;
        const twice = dedupeBtf(concatBtf([btf, btf]).btf).btf;
        expect(twice.typeCount).toBe(once.typeCount);
        expect(dedupeBtf(once).btf.types).toEqual(once.types);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

const bigintAsNumber = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);

const kindsOf = (btf: Btf): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of btf.types) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

const missing = lacksClang() || lacks("bpftool", "version");
test.skipIf(missing !== "")(`libbpf's linker leaves as many types of each kind${missing}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "dedupe-"));
  const sources = ["core-target.c", "layouts.c", "kinds.c"];
  const objects = sources.map((source, i) => {
    const object = join(folder, `${i}.o`);
    compile(fixture(source), object, "-w");
    return object;
  });
  execFileSync("bpftool", ["gen", "object", join(folder, "linked.o"), ...objects]);
  const theirs = kindsOf(decodeBtf(section(folder, "linked.o", ".BTF")));
  const parts = objects.map((_, i) => decodeBtf(section(folder, `${i}.o`, ".BTF")));
  const ours = kindsOf(dedupeBtf(concatBtf(parts).btf).btf);
  rmSync(folder, { recursive: true });
  // Sections of the same name become one by linking, not by leaving out types.
  for (const kind of ["datasec", "var", "decl_tag"]) {
    delete theirs[kind];
    delete ours[kind];
  }
  expect(ours).toEqual(theirs);
});

const vmlinux = corporaFile("vmlinux-6.18.btf.gz");
test.skipIf(vmlinux.missing !== "")(`the kernel's own types are all different${vmlinux.missing}`, () => {
  const btf = decodeBtf(gunzipSync(readFileSync(vmlinux.path)));
  const { btf: once } = dedupeBtf(btf);
  // pahole has done this before.
  expect(once.typeCount).toBe(btf.typeCount);
});
