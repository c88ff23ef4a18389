import type { Btf } from "@ebpf/btf";
import type { EbpfError } from "@ebpf/core";
import type { FunctionInfo } from "@ebpf/platform";
import type { CodeSection } from "./code.js";
import { type Reference, resolveReferences, type Targets } from "./references.js";

/** A function: the slots of a section from its start up to the next function's. */
export interface CodeFunction {
  readonly name: string;
  readonly code: CodeSection;
  /** First slot, and one behind the last. */
  readonly start: number;
  readonly end: number;
  readonly linkage: FunctionInfo["linkage"];
  readonly typeId: number | undefined;
  /** References of its instructions, by slot of the section, in order. */
  readonly references: readonly (readonly [number, Reference | EbpfError])[];
  /** Whether another function calls it or takes its address. */
  readonly isCalled: boolean;
}

/** All functions of an object. */
export class FunctionTable {
  readonly all: readonly CodeFunction[];
  readonly #byPlace: ReadonlyMap<string, CodeFunction>;

  constructor(all: readonly CodeFunction[]) {
    this.all = all;
    this.#byPlace = new Map(all.map((f) => [place(f.code.index, f.start), f]));
  }

  /** The function that begins where a reference leads. */
  at({ section, slot }: Reference & { kind: "function" }): CodeFunction | undefined {
    return this.#byPlace.get(place(section, slot));
  }
}

const place = (section: number, slot: number): string => `${section}:${slot}`;

/** Cuts all code into functions: one begins at each symbol of a function, and wherever a call leads. */
export const findFunctions = (targets: Targets): FunctionTable => {
  const sections = [...targets.code.values()].map((code) => ({ code, references: resolveReferences(code, targets) }));
  const called = new Set<string>();
  const starts = new Map(sections.map(({ code }) => [code.index, new Set([0, ...code.symbols.keys()])]));
  for (const { references } of sections) {
    for (const reference of references.values()) {
      if (!("kind" in reference) || reference.kind !== "function") continue;
      called.add(place(reference.section, reference.slot));
      starts.get(reference.section)?.add(reference.slot);
    }
  }
  return new FunctionTable(
    sections.flatMap(({ code, references }) =>
      cut(code, [...(starts.get(code.index) ?? [])], references, targets.btf).map((f) => ({
        ...f,
        isCalled: called.has(place(code.index, f.start)),
      })),
    ),
  );
};

const cut = (
  code: CodeSection,
  starts: number[],
  references: ReadonlyMap<number, Reference | EbpfError>,
  btf: Btf | undefined,
): Omit<CodeFunction, "isCalled">[] => {
  const sorted = starts.sort((a, b) => a - b);
  const entries = [...references].sort(([a], [b]) => a - b);
  let next = 0;
  return sorted.map((start, i) => {
    const end = sorted[i + 1] ?? code.instructions.length;
    const first = next;
    while (next < entries.length && entries[next]![0] < end) next++;
    return { code, start, end, references: entries.slice(first, next), ...describe(code, start, btf) };
  });
};

type Description = Pick<CodeFunction, "name" | "linkage" | "typeId">;

/** Hidden functions are static: nothing outside of the object can call them. */
const describe = (code: CodeSection, start: number, btf: Btf | undefined): Description => {
  const symbol = code.symbols.get(start) ?? code.labels.get(start);
  const typeId = code.functionTypes.get(start);
  const type = typeId === undefined ? undefined : btf?.type(typeId);
  const typeName = type?.kind === "func" ? type.name : undefined;
  const isStatic = symbol === undefined || symbol.binding === "local" || symbol.hidden;
  return {
    name: symbol?.name ?? typeName ?? (start === 0 ? code.name : `${code.name}+${start}`),
    linkage: isStatic ? "static" : "global",
    typeId,
  };
};
