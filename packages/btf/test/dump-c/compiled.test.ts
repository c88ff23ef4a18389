import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Btf, decodeBtf, dumpC } from "@ebpf/btf";
import { afterAll, describe, expect, test } from "vitest";
import { corporaFile } from "../support/corpora.js";
import { difference } from "../support/same-type.js";
import { compile, fixture, lacksClang, section } from "../support/tools.js";

/*
 * What is dumped as C is compiled, and the compiler's own BTF has to have the same types.
 */

const missing = lacksClang();
const folder = missing === "" ? mkdtempSync(join(tmpdir(), "dump-c-")) : "";

/** A type with a name, and how the dump refers to it. */
interface Named {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** The types that a dump defines: of several with one name, the later ones have a number. */
const namedTypes = (btf: Btf, header: string): Named[] => {
  const defined = new Set(
    [...header.matchAll(/^((struct|union|enum) (__attribute__.*\)\) )?\w+) \{/gm)].map(([, text]) =>
      text!.replace(/__attribute__.*\)\) /, ""),
    ),
  );
  const counts = new Map<string, number>();
  return btf.types.flatMap((type, id) => {
    const kind = type.kind.replace("64", "");
    if (!["struct", "union", "enum", "typedef"].includes(kind) || !("name" in type)) return [];
    if (type.name === "") return [];
    const space = kind === "typedef" ? kind : "tag";
    const count = (counts.get(`${space} ${type.name}`) ?? 0) + 1;
    counts.set(`${space} ${type.name}`, count);
    const plain = type.name === "__builtin_va_list" ? "__builtin_va_list_" : type.name;
    const name = count === 1 ? plain : `${plain}___${count}`;
    if (kind === "typedef") return [{ id, kind, name: plain, text: `${name} *` }];
    const flavours = [name, type.name, ...[2, 3, 4].map((n) => `${type.name}___${n}`)].map((one) => `${kind} ${one}`);
    const text = flavours.find((one) => defined.has(one));
    return text === undefined ? [] : [{ id, kind, name: type.name, text: `${text} ` }];
  });
};

/** As many types are compiled at once: clang's time grows with the square of their number. */
const AT_ONCE = 1500;

/** The BTF that clang makes of a dump's types, by parts. */
const compiled = (header: string, types: readonly Named[], flags: readonly string[]): Btf[] => {
  writeFileSync(join(folder, "dump.h"), header);
  const parts = Array.from({ length: Math.ceil(types.length / AT_ONCE) }, (_, i) =>
    types.slice(AT_ONCE * i, AT_ONCE * (i + 1)),
  );
  return parts.map((part) => {
    const members = part.map(({ text }, i) => `${text}member${i};`);
    writeFileSync(
      join(folder, "dump.c"),
      `#include "dump.h"\nstruct all_of_them { ${members.join("\n")} } all_of_them;`,
    );
    const all = ["-g", "-target", "bpf", "-Werror", ...flags, "-c", join(folder, "dump.c")];
    const { status, stderr } = spawnSync("clang-19", [...all, "-o", join(folder, "dump.o")], { encoding: "utf8" });
    expect(stderr.slice(0, 2000)).toBe("");
    expect(status).toBe(0);
    return decodeBtf(section(folder, "dump.o", ".BTF"));
  });
};

/** What differs between types and their compiled copies; of several with one name, any copy that is equal counts. */
const differences = (btf: Btf, types: readonly Named[], copies: readonly Btf[]): string[] =>
  types.flatMap(({ id, kind, name }) => {
    const found = copies.flatMap((copy) =>
      copy
        .findFlavours(name.replace(/___.*/, ""))
        .filter((other) => copy.type(other).kind.replace("64", "") === kind)
        .map((other) => difference(btf, id, copy, other)),
    );
    if (found.includes(undefined)) return [];
    return [found[0] ?? `${kind} ${name} is gone`];
  });

describe.skipIf(missing !== "")(`C that a compiler reads${missing}`, () => {
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each(["kinds.c", "core-local.c", "core-target.c", "layouts.c"])("%s", (name) => {
    compile(fixture(name), join(folder, "source.o"));
    const btf = decodeBtf(section(folder, "source.o", ".BTF"));
    const header = dumpC(btf);
    const types = namedTypes(btf, header);
    expect(types.length).toBeGreaterThan(3);
    expect(differences(btf, types, compiled(header, types, []))).toEqual([]);
  });

  const vmlinux = corporaFile("vmlinux-6.18.btf.gz");
  // All 14,356 types take a minute: EBPF_ALL_TYPES=1 compares them, else a sample of the same header.
  test.skipIf(vmlinux.missing !== "")(`the kernel's own types${vmlinux.missing}`, () => {
    const btf = decodeBtf(gunzipSync(readFileSync(vmlinux.path)));
    const header = dumpC(btf, { guard: "__VMLINUX_H__", preserveAccessIndex: true });
    const every = process.env.EBPF_ALL_TYPES === undefined ? 16 : 1;
    const all = namedTypes(btf, header);
    expect(all.length).toBeGreaterThan(14_000);
    const types = all.filter((_, i) => i % every === 0);
    expect(differences(btf, types, compiled(header, types, ["-funsigned-char"]))).toEqual([]);
  });
});
