import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/*
 * The floors of docs/architecture.md: a package imports only from floors below its own, never sideways.
 */
const FLOORS: Readonly<Record<string, number>> = {
  "@ebpf/core": 0,
  "@ebpf/asm": 1,
  "@ebpf/btf": 1,
  "@ebpf/platform": 2,
  "@ebpf/elf": 3,
  "@ebpf/verifier": 3,
  "@ebpf/runtime": 3,
  "@ebpf/kernel": 3,
  "@ebpf/jit": 4,
  ebpf: 5,
  "@ebpf/fuzz": 5,
};

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const packages = fileURLToPath(new URL("../packages", import.meta.url));
const folders = readdirSync(packages).filter((name) => existsSync(join(packages, name, "package.json")));

const sourcesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesBelow(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });

const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] as string);

const isOurs = (specifier: string) => specifier === "ebpf" || specifier.startsWith("@ebpf/");

describe.each(folders)("packages/%s", (folder) => {
  const manifest = JSON.parse(readFileSync(join(packages, folder, "package.json"), "utf8")) as Manifest;
  const floor = FLOORS[manifest.name];
  const imports = sourcesBelow(join(packages, folder, "src")).flatMap((file) =>
    importsOf(file).map((specifier) => ({ file, specifier })),
  );

  it("stands on a floor", () => {
    expect(floor).toBeTypeOf("number");
  });

  it("imports only packages of lower floors, by their names", () => {
    const wrong = imports.filter(({ specifier }) => isOurs(specifier) && !(FLOORS[specifier]! < floor!));
    expect(wrong).toEqual([]);
  });

  it("declares what it imports, and imports what it declares", () => {
    const imported = [...new Set(imports.map(({ specifier }) => specifier).filter(isOurs))].sort();
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
      .filter(isOurs)
      .sort();
    expect(imported).toEqual(declared);
  });

  // Command lines, worker threads and what asks the running kernel need Node; nothing else does.
  const portable = imports.filter(
    ({ file }) => !/\/(ebpf\/src\/cli|kernel\/src|fuzz\/src\/(cli|runner|bytes))/.test(file),
  );

  it("needs nothing of Node", () => {
    expect(portable.filter(({ specifier }) => specifier.startsWith("node:"))).toEqual([]);
  });
});
