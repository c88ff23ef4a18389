import type { ObjectSpec } from "@ebpf/platform";
import { type ElfFile, parseElf } from "./elf-file.js";
import { readMaps } from "./maps/maps.js";
import { readObjectBtf } from "./object-btf.js";
import { readCode } from "./programs/code.js";
import { findFunctions } from "./programs/functions.js";
import { linkPrograms } from "./programs/programs.js";
import { findExterns } from "./programs/references.js";

/** How `readObject` reads. */
export interface ReadOptions {
  /** What errors call the file; `object` by default. */
  readonly path?: string;
}

/**
 * Reads a BPF object file: its programs, fully relocated and each linked with the subprograms it calls, and its maps.
 * A program that can't be had keeps its reason, the object opens nevertheless.
 *
 * @param bytes the file, as clang writes it with `-target bpf -c`, in either byte order
 * @throws ElfError when it is no BPF object, or a map, symbol or section of it makes no sense; MalformedError where the
 *   bytes break off or point outside of the file.
 */
export const readObject = (bytes: Uint8Array, options: ReadOptions = {}): ObjectSpec => {
  const file = parseElf(bytes, options.path ?? "object");
  const { btf, ext } = readObjectBtf(file);
  const maps = readMaps(file, btf);
  const code = new Map(readCode(file, ext).map((section) => [section.index, section]));
  const functions = findFunctions({ code, maps, btf, externs: findExterns(btf) });
  const license = readLicense(file);
  const kernelVersion = readVersion(file);
  return {
    programs: linkPrograms(functions, { maps, btf, license, order: file.order }),
    maps: maps.specs,
    license,
    byteOrder: file.order,
    ...(kernelVersion === undefined ? {} : { kernelVersion }),
    ...(btf === undefined ? {} : { btf }),
  };
};

const contentOf = (file: ElfFile, wanted: string) =>
  file.sections.find(({ name, content }) => name === wanted && content.length > 0)?.content;

const readLicense = (file: ElfFile): string => contentOf(file, "license")?.cString(0) ?? "";

const readVersion = (file: ElfFile): number | undefined => contentOf(file, "version")?.u32(0);
