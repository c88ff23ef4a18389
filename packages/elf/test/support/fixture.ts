import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ReadOptions, readObject } from "@ebpf/elf";
import type { ObjectSpec, ProgramSpec } from "@ebpf/platform";

export const fixturePath = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** A fresh copy of a fixture's bytes, to be changed at will. */
export const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(fixturePath(name)));

export const openFixture = (name: string, options?: ReadOptions): ObjectSpec => readObject(fixture(name), options);

/** The spec of a program that the test expects to be there. */
export const programOf = (object: ObjectSpec, name: string): ProgramSpec => {
  const program = object.programs.find((candidate) => candidate.name === name);
  if (program === undefined) throw new Error(`no program ${name}`);
  if ("error" in program) throw program.error;
  return program.spec;
};
