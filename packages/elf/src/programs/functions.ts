import { SLOT_SIZE } from "@ebpf/asm";
import type { BtfTypeOf } from "@ebpf/btf";
import type { EbpfError } from "@ebpf/core";
import type { FunctionInfo } from "@ebpf/platform";
import { lazy } from "../lazy.js";
import type { CodeSection } from "./code.js";
import { type FunctionReference, type Reference, referencesIn, type Targets } from "./references.js";

/** A function: some slots of a section. */
export class CodeFunction {
  readonly code: CodeSection;
  /** First slot, and one behind the last. */
  readonly start: number;
  readonly end: number;
  readonly #targets: Targets;
  readonly #references: () => readonly (readonly [number, Reference | EbpfError])[];

  constructor(code: CodeSection, start: number, end: number, targets: Targets) {
    this.code = code;
    this.start = start;
    this.end = end;
    this.#targets = targets;
    this.#references = lazy(() => referencesIn(code, start, end, targets));
  }

  get #symbol() {
    return this.code.functions.get(this.start) ?? this.code.labels.get(this.start);
  }

  get name(): string {
    const { name } = this.code;
    return this.#symbol?.name ?? this.type?.name ?? (this.start === 0 ? name : `${name}+${this.start}`);
  }

  /** Hidden functions are static: nothing outside of the object can call them. */
  get linkage(): FunctionInfo["linkage"] {
    const symbol = this.#symbol;
    return symbol === undefined || symbol.binding === "local" || symbol.hidden ? "static" : "global";
  }

  /** What the kernel takes it for: it knows a function's type, not its symbol. */
  get declaredLinkage(): FunctionInfo["linkage"] {
    return this.type?.linkage === "static" ? "static" : this.linkage;
  }

  get typeId(): number | undefined {
    return this.code.functionTypeAt(this.start);
  }

  /** Its type, where BTF has it. */
  get type(): BtfTypeOf<"func"> | undefined {
    const type = this.typeId === undefined ? undefined : this.#targets.types.original?.type(this.typeId);
    return type?.kind === "func" ? type : undefined;
  }

  /** References of its instructions, by slot of the section, in order. */
  get references(): readonly (readonly [number, Reference | EbpfError])[] {
    return this.#references();
  }
}

/** All functions of an object. */
export class FunctionTable {
  readonly all: readonly CodeFunction[];
  readonly #byPlace: ReadonlyMap<string, CodeFunction>;
  readonly #called: () => ReadonlySet<CodeFunction>;

  constructor(all: readonly CodeFunction[]) {
    this.all = all;
    this.#byPlace = new Map(all.map((f) => [place(f.code.index, f.start), f]));
    this.#called = lazy(() => {
      const targets = all.flatMap(({ references }) => references).map(([, reference]) => reference);
      return new Set(targets.flatMap((target) => (isFunction(target) ? (this.at(target) ?? []) : [])));
    });
  }

  /** The function that begins where a reference leads. */
  at({ section, slot }: FunctionReference): CodeFunction | undefined {
    return this.#byPlace.get(place(section, slot));
  }

  /** Whether another function calls it or takes its address. To know that, all code has to be read. */
  isCalled(target: CodeFunction): boolean {
    return this.#called().has(target);
  }
}

const place = (section: number, slot: number): string => `${section}:${slot}`;

const isFunction = (reference: Reference | EbpfError): reference is FunctionReference =>
  "kind" in reference && reference.kind === "function";

/**
 * Cuts all code into functions: one begins at each symbol of a function. Where symbols don't account for all code, one
 * begins wherever a call leads, too.
 */
export const findFunctions = (targets: Targets): FunctionTable => {
  const sections = [...targets.code.values()];
  const starts = new Map(sections.map((code) => [code.index, new Set(code.functions.keys())]));
  if (!sections.every(isCovered)) {
    for (const code of sections) {
      if (code.functions.size === 0) starts.get(code.index)?.add(0);
      for (const [, reference] of referencesIn(code, 0, code.length, targets)) {
        if (isFunction(reference)) starts.get(reference.section)?.add(reference.slot);
      }
    }
  }
  return new FunctionTable(sections.flatMap((code) => cut(code, [...(starts.get(code.index) ?? [])], targets)));
};

const sizeAt = (code: CodeSection, start: number): number =>
  Math.floor((code.functions.get(start)?.size ?? 0) / SLOT_SIZE);

/** Whether the functions that have symbols make up the whole section. */
const isCovered = (code: CodeSection): boolean =>
  code.length ===
  [...code.functions.keys()]
    .sort((a, b) => a - b)
    .reduce((end, start) => (end === start ? start + sizeAt(code, start) : Number.NaN), 0);

/** A function ends where its symbol says, or else where the next one begins. */
const cut = (code: CodeSection, starts: number[], targets: Targets): CodeFunction[] =>
  starts
    .sort((a, b) => a - b)
    .map((start, i, sorted) => {
      const next = sorted[i + 1] ?? code.length;
      const size = sizeAt(code, start);
      return new CodeFunction(code, start, size === 0 ? next : Math.min(next, start + size), targets);
    });
