import type { Btf } from "@ebpf/btf";
import { type ByteOrder, isEbpfError } from "@ebpf/core";
import { type ObjectProgram, type ProgramFlags, type ProgramSpec, parseSectionName } from "@ebpf/platform";
import type { MapTable } from "../maps/table.js";
import type { CodeFunction, FunctionTable } from "./functions.js";
import { type Budget, type LinkedCode, link } from "./link.js";

/** What all programs of an object share. */
export interface ProgramContext {
  readonly maps: MapTable;
  readonly btf: Btf | undefined;
  readonly license: string;
  readonly order: ByteOrder;
}

/** Slots of all programs of an object together. */
const MAX_OBJECT_SLOTS = 4_000_000;

const SUBPROGRAM_SECTION = ".text";

/**
 * The functions that are programs: in named sections all but the static ones that are called; in `.text`, which is for
 * subprograms, those that nothing calls if there is no other code.
 */
const entriesOf = ({ all }: FunctionTable): CodeFunction[] => {
  const onlyText = all.every(({ code }) => code.name === SUBPROGRAM_SECTION);
  return all.filter(({ code, linkage, isCalled }) =>
    code.name === SUBPROGRAM_SECTION ? onlyText && !isCalled : linkage !== "static" || !isCalled,
  );
};

/** Links all programs. One that can't be linked keeps its error; the others aren't touched by it. */
export const linkPrograms = (table: FunctionTable, context: ProgramContext): ObjectProgram[] => {
  const budget: Budget = { slots: MAX_OBJECT_SLOTS };
  return entriesOf(table).map((entry) => {
    const { name } = entry;
    const section = entry.code.name;
    try {
      const spec = programSpec(entry, context, link(entry, table, budget));
      return { name, section, spec };
    } catch (error) {
      if (!isEbpfError(error)) throw error;
      return { name, section, error };
    }
  });
};

const programSpec = (entry: CodeFunction, context: ProgramContext, { maps, ...code }: LinkedCode): ProgramSpec => ({
  name: entry.name,
  section: entry.code.name,
  ...sectionMeaning(entry.code.name),
  license: context.license,
  byteOrder: context.order,
  ...code,
  maps: new Map([...maps].sort((a, b) => a - b).map((handle) => [handle, context.maps.specs.get(handle)!])),
  ...(context.btf === undefined ? {} : { btf: context.btf }),
});

type SectionMeaning = Pick<ProgramSpec, "type" | "attachType" | "attachTarget" | "flags">;

/** A name that no rule knows makes a program of no type: whoever wants to verify or load it has to say which. */
const sectionMeaning = (section: string): SectionMeaning => {
  const meaning = parseSectionName(section);
  if (meaning === undefined) return { type: "unspec", flags: {} };
  const { rule, target } = meaning;
  const flags: ProgramFlags = {
    ...(rule.sleepable ? { sleepable: true } : {}),
    ...(rule.frags ? { frags: true } : {}),
  };
  return {
    type: rule.programType,
    flags,
    ...(rule.attachType === undefined ? {} : { attachType: rule.attachType }),
    ...(target === undefined ? {} : { attachTarget: target }),
  };
};
