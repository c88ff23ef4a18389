import type { ByteOrder } from "@ebpf/core";
import {
  type ProgramFlags,
  type ProgramName,
  type ProgramSpec,
  parseSectionName,
  type SectionMeaning,
} from "@ebpf/platform";
import type { ElfSection } from "../elf-file.js";
import type { ElfErrorDetails } from "../errors.js";
import type { ExternTable } from "../externs/table.js";
import { lazy } from "../lazy.js";
import type { MapTable } from "../maps/table.js";
import type { ObjectBtf } from "../object-btf.js";
import type { ReadOptions } from "../options.js";
import { type AttachPlace, attachPlace, structOpsPlaces } from "./attach.js";
import { exceptionCallbacks } from "./exceptions.js";
import type { CodeFunction, FunctionTable } from "./functions.js";
import { type Budget, link } from "./link.js";

/** What all programs of an object share. */
export interface ProgramContext {
  readonly maps: MapTable;
  readonly types: ObjectBtf;
  readonly externs: ExternTable;
  /** The section of jump tables. */
  readonly jumpTables: ElfSection | undefined;
  readonly license: string;
  readonly order: ByteOrder;
  readonly options: ReadOptions;
}

/** A program that can be linked. */
export interface LinkableProgram extends ProgramName {
  /** @throws EbpfError when the program refers to what isn't there or can't be adapted to the kernel. */
  readonly link: (budget: Budget) => ProgramSpec;
}

const SUBPROGRAM_SECTION = ".text";

/**
 * The functions that are programs: in named sections all but the static ones that are called; in `.text`, which is for
 * subprograms, those that nothing calls if there is no other code.
 */
const entriesOf = (table: FunctionTable): CodeFunction[] => {
  const onlyText = table.all.every(({ code }) => code.name === SUBPROGRAM_SECTION);
  return table.all.filter((part) =>
    part.code.name === SUBPROGRAM_SECTION
      ? onlyText && !table.isCalled(part)
      : part.linkage !== "static" || !table.isCalled(part),
  );
};

/** Finds all programs, without reading their code. */
export const findPrograms = (table: FunctionTable, context: ProgramContext): LinkableProgram[] => {
  const { maps, types, options } = context;
  const code = {
    table,
    exceptionCallbackOf: exceptionCallbacks(types.original, table),
    jumpTables: context.jumpTables?.content,
    freeHandle: maps.specs.size + 1,
  };
  const places = lazy(() => structOpsPlaces(maps.specs.values(), options.kernel?.btf));
  return entriesOf(table).map((entry) => {
    const { name } = entry;
    const meaning = parseSectionName(entry.code.name);
    const section = entry.code.name.replace(/^\?/, "");
    return {
      name,
      section,
      ...(entry.code.name.startsWith("?") ? { autoload: false } : {}),
      link: (budget) => {
        const { maps: used, jumpTables, usesModules, ...linked } = link(entry, code, budget);
        const handles = [...used].sort((a, b) => a - b);
        return {
          name,
          section,
          ...fromSection(meaning, options, entry.code.placeOf(entry.start)),
          ...(meaning?.rule.programType === "struct_ops" ? places().get(name) : {}),
          license: context.license,
          byteOrder: context.order,
          ...linked,
          maps: new Map([...handles.map((handle) => [handle, maps.specs.get(handle)!] as const), ...jumpTables]),
          ...(usesModules ? { modules: context.externs.modules } : {}),
          ...(types.complete === undefined ? {} : { btf: types.complete }),
        };
      },
    };
  });
};

type FromSection = AttachPlace & Pick<ProgramSpec, "type" | "attachType" | "attachTarget" | "flags">;

/**
 * A name that no rule knows makes a program of no type: whoever wants to verify or load it has to say which.
 *
 * @throws ElfError `NO_ATTACH_TARGET`
 */
const fromSection = (
  meaning: SectionMeaning | undefined,
  { kernel }: ReadOptions,
  at: ElfErrorDetails,
): FromSection => {
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
    ...attachPlace(meaning, kernel, at),
  };
};
