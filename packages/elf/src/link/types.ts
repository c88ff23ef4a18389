import {
  type Btf,
  BtfBuilder,
  type BtfExt,
  type BtfSectionVariable,
  type BtfType,
  type CoreRelocationRecord,
  dedupeBtf,
  encodeBtfSections,
  type FunctionRecord,
  forEachReference,
  type LineRecord,
  mapReferences,
} from "@ebpf/btf";
import type { ByteOrder } from "@ebpf/core";
import { KCONFIG, KSYMS } from "../externs/collect.js";
import { completeSection, layoutOf } from "../object-btf.js";
import type { OpenInput } from "./input.js";
import type { Placement } from "./sections.js";
import type { SymbolMerger } from "./symbols.js";

/** An input with the places of its sections, by name. */
export interface PlacedInput {
  readonly input: OpenInput;
  readonly places: ReadonlyMap<string, Placement>;
}

/** A data section of the output's types, while it grows. */
interface DataSection {
  size: number;
  readonly variables: BtfSectionVariable[];
}

/** Puts the types of all inputs together, one of all that are equal, and what belongs to their code with them. */
export class TypeMerger {
  readonly #types: BtfBuilder;
  readonly #order: ByteOrder;
  readonly #symbols: SymbolMerger;
  readonly #sections = new Map<string, DataSection>();
  readonly #externs = new Set<string>();
  readonly #functions = new Map<string, FunctionRecord[]>();
  readonly #lines = new Map<string, LineRecord[]>();
  readonly #relocations = new Map<string, CoreRelocationRecord[]>();

  constructor(order: ByteOrder, symbols: SymbolMerger) {
    this.#types = new BtfBuilder({ order });
    this.#order = order;
    this.#symbols = symbols;
  }

  add({ input, places }: PlacedInput): void {
    const { original: btf, ext } = input.types;
    if (btf === undefined) return;
    const kept = this.#keptOf(btf, input);
    const ids = new Map(kept.map(({ id }, i) => [id, this.#types.nextId + i]));
    const idOf = (id: number): number => ids.get(id) ?? 0;
    for (const { type } of kept) this.#types.add(mapReferences(type, idOf));
    const layout = layoutOf(input.file);
    for (const type of btf.ownTypes()) {
      if (type.kind !== "datasec") continue;
      const { name, size, variables } = completeSection(btf, type, layout);
      this.#addVariables({ name, size, variables, btf, input, offset: places.get(name)?.offset ?? 0, idOf });
    }
    if (ext !== undefined) this.#addExt(ext, places, idOf);
  }

  /** All types but those of what gives way, and signatures that only these have. */
  #keptOf(btf: Btf, input: OpenInput): { readonly type: BtfType; readonly id: number }[] {
    const isKept = (type: BtfType): boolean => {
      // Data sections are put together at the end, under new ids that nothing refers to.
      if (type.kind === "datasec") return false;
      return !this.#givesWay(type.kind === "decl_tag" ? btf.type(type.type) : type, input);
    };
    const all = [...btf.ownTypes()].map((type, i) => ({ type, id: btf.firstId + i }));
    const kept = all.filter(({ type }) => isKept(type));
    const orphans = new Set(all.flatMap(({ type }) => (type.kind === "func" && !isKept(type) ? [type.type] : [])));
    for (const { type } of kept) forEachReference(type, (id) => orphans.delete(id));
    return kept.filter(({ id }) => !orphans.has(id));
  }

  /**
   * Whether a type is of what another input defines: a declaration, or a variable of which that one stays. Nothing but
   * data sections and tags refers to it. A function that gave way stays, as its code does.
   */
  #givesWay(type: BtfType, input: OpenInput): boolean {
    if (type.kind !== "var" && type.kind !== "func") return false;
    if (type.linkage === "extern") return this.#symbols.global(type.name)?.section !== undefined;
    return type.kind === "var" && type.linkage !== "static" && !this.#symbols.isFrom(type.name, input);
  }

  #addVariables(section: {
    readonly name: string;
    readonly size: number;
    readonly variables: readonly BtfSectionVariable[];
    readonly btf: Btf;
    readonly input: OpenInput;
    readonly offset: number;
    readonly idOf: (id: number) => number;
  }): void {
    const { name, size, variables, btf, input, offset, idOf } = section;
    const output = this.#sections.get(name) ?? { size: 0, variables: [] };
    this.#sections.set(name, output);
    const isExternal = name === KSYMS || name === KCONFIG;
    for (const variable of variables) {
      const type = btf.type(variable.type);
      if (type.kind !== "var" && type.kind !== "func") continue;
      // Of what several inputs declare or define, one stays.
      if (
        isExternal ? this.#externs.has(type.name) : type.linkage !== "static" && !this.#symbols.isFrom(type.name, input)
      )
        continue;
      if (isExternal) this.#externs.add(type.name);
      else if (type.linkage === "extern") continue;
      output.variables.push({ ...variable, type: idOf(variable.type), offset: variable.offset + offset });
    }
    output.size = Math.max(output.size, offset + size);
  }

  #addExt(ext: BtfExt, places: ReadonlyMap<string, Placement>, idOf: (id: number) => number): void {
    const append = <T extends { readonly offset: number }>(
      from: ReadonlyMap<string, readonly T[]>,
      to: Map<string, T[]>,
      change: (record: T) => T,
    ): void => {
      for (const [section, records] of from) {
        const offset = places.get(section)?.offset;
        if (offset === undefined) continue;
        const moved = records.map((record) => ({ ...change(record), offset: record.offset + offset }));
        const known = to.get(section);
        if (known === undefined) to.set(section, moved);
        else for (const record of moved) known.push(record);
      }
    };
    append(ext.functions, this.#functions, (record) => ({ ...record, typeId: idOf(record.typeId) }));
    append(ext.lines, this.#lines, (record) => record);
    append(ext.relocations, this.#relocations, (record) => ({ ...record, typeId: idOf(record.typeId) }));
  }

  /**
   * `.BTF` and `.BTF.ext` of the output; `undefined` when no input has types.
   *
   * @throws BtfError `LIMIT` for types that were made to take forever to compare.
   */
  finish(): { readonly btf: Uint8Array; readonly ext: Uint8Array } | undefined {
    if (this.#types.nextId === 1) return undefined;
    for (const [name, { size, variables }] of this.#sections) {
      if (variables.length === 0) continue;
      const sorted = variables.sort((a, b) => a.offset - b.offset);
      this.#types.add({ kind: "datasec", name, size, variables: sorted });
    }
    const { btf, ids } = dedupeBtf(this.#types.build());
    const renumbered = <T extends { readonly typeId: number }>(sections: ReadonlyMap<string, readonly T[]>) =>
      new Map([...sections].map(([name, records]) => [name, records.map((r) => ({ ...r, typeId: ids[r.typeId]! }))]));
    const ext = {
      functions: renumbered(this.#functions),
      lines: this.#lines,
      relocations: renumbered(this.#relocations),
    };
    return encodeBtfSections(btf, ext, this.#order);
  }
}
