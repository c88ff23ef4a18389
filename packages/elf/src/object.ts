import type { Btf, CoreRelocationRecord } from "@ebpf/btf";
import { type ByteOrder, isEbpfError } from "@ebpf/core";
import type { MapSpec, ObjectProgram, ObjectSpec, ProgramName, ProgramSpec } from "@ebpf/platform";
import { CoreResolutions } from "./core-relocations.js";
import { type ElfFile, parseElf } from "./elf-file.js";
import { collectExterns } from "./externs/collect.js";
import { defineExterns } from "./externs/complete.js";
import { ExternTable } from "./externs/table.js";
import { lazy } from "./lazy.js";
import { readMaps } from "./maps/maps.js";
import { ObjectBtf } from "./object-btf.js";
import type { ReadOptions } from "./options.js";
import { readCode } from "./programs/code.js";
import { findFunctions } from "./programs/functions.js";
import { JUMP_TABLES } from "./programs/jump-tables.js";
import type { Budget } from "./programs/link.js";
import { findPrograms, type LinkableProgram } from "./programs/programs.js";

/** Slots of all programs of an object together; each has its own copy of the subprograms, which multiply. */
const MAX_OBJECT_SLOTS = 4_000_000;

/** An object file whose programs are linked one by one, when they are asked for. */
export class ObjectFile {
  /** All programs, without their code. */
  readonly programs: readonly ProgramName[];
  /** By handle; every map of the object, used or not. */
  readonly maps: ReadonlyMap<number, MapSpec>;
  readonly license: string;
  /** The `version` section of old objects. */
  readonly kernelVersion: number | undefined;
  readonly byteOrder: ByteOrder;
  readonly #linkable: readonly LinkableProgram[];
  readonly #types: ObjectBtf;

  /** @internal made by `openObject` */
  constructor(file: ElfFile, options: ReadOptions) {
    const externs = lazy(() => collectExterns(file, types.original));
    const types: ObjectBtf = new ObjectBtf(file, (edits) => defineExterns(edits, externs()));
    const externTable = new ExternTable(externs(), types.original, options);
    const maps = readMaps({ file, types, externs: externTable, options });
    const code = readCode({ file, types, core: new CoreResolutions(types, options) });
    const jumpTables = file.sections.find(({ name, size }) => name === JUMP_TABLES && size > 0);
    const targets = { maps, types, externs: externTable };
    const functions = findFunctions({ ...targets, code, jumpTables: jumpTables?.index });
    this.license = contentOf(file, "license")?.cString(0) ?? "";
    this.kernelVersion = contentOf(file, "version")?.u32(0);
    this.byteOrder = file.order;
    this.maps = maps.specs;
    this.#types = types;
    const { license } = this;
    this.#linkable = findPrograms(functions, { ...targets, jumpTables, license, order: file.order, options });
    this.programs = this.#linkable.map(({ link: _link, ...name }) => name);
  }

  /** The object's types, complete. */
  get btf(): Btf | undefined {
    return this.#types.complete;
  }

  /** What the object's code asks of the kernel that it meets, in the order of the file: for `compareTargets` of `@ebpf/btf`. */
  get coreRelocations(): readonly CoreRelocationRecord[] {
    return [...(this.#types.ext?.relocations.values() ?? [])].flat();
  }

  /**
   * Links a program with the subprograms that it calls and adapts it to the kernel.
   *
   * @param index of `programs`
   * @throws ElfError for references that lead nowhere, or that only a kernel's description could resolve; RangeError for
   *   an index that isn't there.
   */
  link(index: number, budget: Budget = { slots: MAX_OBJECT_SLOTS }): ProgramSpec {
    const program = this.#linkable[index];
    if (program === undefined) throw new RangeError(`there is no program ${index}, of ${this.#linkable.length}`);
    return program.link(budget);
  }
}

/**
 * Opens a BPF object file: finds its programs and reads its maps. Code, lines and relocations are read when a program is
 * linked.
 *
 * @param bytes the file, as clang writes it with `-target bpf -c`, in either byte order
 * @throws ElfError when it is no BPF object, or a map or symbol of it makes no sense; MalformedError where the bytes
 *   break off or point outside of the file.
 */
export const openObject = (bytes: Uint8Array, options: ReadOptions = {}): ObjectFile =>
  new ObjectFile(parseElf(bytes, options.path ?? "object"), options);

/**
 * Reads a BPF object file: its programs, fully relocated and each linked with the subprograms it calls, and its maps.
 * A program that can't be had keeps its reason, the object opens nevertheless.
 *
 * @param bytes the file, as clang writes it with `-target bpf -c`, in either byte order
 * @throws ElfError, MalformedError as `openObject`.
 */
export const readObject = (bytes: Uint8Array, options: ReadOptions = {}): ObjectSpec => {
  const object = openObject(bytes, options);
  const { maps, license, byteOrder, kernelVersion, btf } = object;
  const budget: Budget = { slots: MAX_OBJECT_SLOTS };
  return {
    programs: object.programs.map((name, index): ObjectProgram => {
      try {
        return { ...name, spec: object.link(index, budget) };
      } catch (error) {
        if (!isEbpfError(error)) throw error;
        return { ...name, error };
      }
    }),
    maps,
    license,
    byteOrder,
    ...(kernelVersion === undefined ? {} : { kernelVersion }),
    ...(btf === undefined ? {} : { btf }),
  };
};

const contentOf = (file: ElfFile, wanted: string) =>
  file.sections.find(({ name, content }) => name === wanted && content.length > 0)?.content;
