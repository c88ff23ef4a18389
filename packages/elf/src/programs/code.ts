import { decode, type Instruction, SLOT_SIZE } from "@ebpf/asm";
import type { BtfExt, LineRecord } from "@ebpf/btf";
import type { SourcePlace } from "@ebpf/core";
import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  relocationsOf,
  SECTION_FLAG,
  SECTION_TYPE,
} from "../elf-file.js";
import { ElfError } from "../errors.js";
import { lowerBound } from "../lower-bound.js";

/** A section of instructions, with what belongs to each slot. */
export interface CodeSection {
  readonly index: number;
  readonly name: string;
  readonly instructions: readonly Instruction[];
  /** By slot. */
  readonly relocations: ReadonlyMap<number, ElfRelocation>;
  /** Symbols of functions, by slot; the entry of a function with several names is its global one. */
  readonly symbols: ReadonlyMap<number, ElfSymbol>;
  /** Symbols that may be functions or just labels, by slot. */
  readonly labels: ReadonlyMap<number, ElfSymbol>;
  /** Type ids of functions by slot. */
  readonly functionTypes: ReadonlyMap<number, number>;
  /** In order of offset. */
  readonly lines: readonly LineRecord[];
  /** Slots that have to be adapted to the kernel's types, in order. */
  readonly coreRelocations: readonly number[];
}

/** What `.BTF.ext` says of a section. */
type SectionInfo = Pick<CodeSection, "functionTypes" | "lines" | "coreRelocations">;

const NO_INFO: SectionInfo = { functionTypes: new Map(), lines: [], coreRelocations: [] };

/**
 * Every section that holds instructions.
 *
 * @throws ElfError `BAD_SECTION`, `BAD_SYMBOL`, `BAD_RELOCATION` where something isn't at the start of an instruction.
 */
export const readCode = (file: ElfFile, ext: BtfExt | undefined): CodeSection[] => {
  const infos = infoBySection(ext);
  return file.sections
    .filter(
      ({ type, flags, size }) => type === SECTION_TYPE.progbits && (flags & SECTION_FLAG.execute) !== 0 && size > 0,
    )
    .map((section) => readSection(file, section, infos.get(section.name) ?? NO_INFO));
};

const isSlot = ({ offset }: { readonly offset: number }): boolean => offset % SLOT_SIZE === 0;

const infoBySection = (ext: BtfExt | undefined): Map<string, SectionInfo> => {
  const names = new Set([ext?.functions, ext?.lines, ext?.relocations].flatMap((part) => [...(part?.keys() ?? [])]));
  return new Map(
    [...names].map((name) => [
      name,
      {
        functionTypes: new Map(ext?.functions.get(name)?.map(({ offset, typeId }) => [offset / SLOT_SIZE, typeId])),
        lines: orderedLines(ext?.lines.get(name) ?? []),
        coreRelocations: (ext?.relocations.get(name) ?? [])
          .map(({ offset }) => offset / SLOT_SIZE)
          .sort((a, b) => a - b),
      },
    ]),
  );
};

/** One line for each slot; a record inside of an instruction belongs to none. */
const orderedLines = (lines: readonly LineRecord[]): LineRecord[] => {
  const byOffset = new Map(lines.filter(isSlot).map((line) => [line.offset, line]));
  return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
};

const readSection = (file: ElfFile, section: ElfSection, info: SectionInfo): CodeSection => {
  const { name, index, size } = section;
  if (size % SLOT_SIZE !== 0) {
    throw new ElfError("BAD_SECTION", `section ${name} of ${size} bytes is no whole number of instructions`);
  }
  const instructions = decode(section.content.bytes, file.order);
  const begins = ({ value }: ElfSymbol): boolean => {
    const slot = instructions[value / SLOT_SIZE];
    return slot !== undefined && slot.op.family !== "lddw-tail";
  };
  const symbols = file.symbolsBySection.get(index) ?? [];
  const functions = symbols.filter(({ kind }) => kind === "function");
  // Old compilers give functions no type; local ones then can't be told from labels.
  const labels = symbols.filter((symbol) => symbol.kind === "none" && symbol.name !== "" && begins(symbol));
  const untyped = functions.length > 0 ? [] : labels.filter(({ binding }) => binding !== "local");
  const lost = functions.find((symbol) => !begins(symbol));
  if (lost !== undefined) {
    throw new ElfError(
      "BAD_SYMBOL",
      `section ${name}: no instruction begins at byte ${lost.value}, where ${lost.name} is`,
    );
  }
  return {
    index,
    name,
    instructions,
    relocations: new Map(relocationsOf(file, section).map((r) => [slotOf(section, r.offset), r])),
    symbols: bySlot(functions.length > 0 ? functions : untyped),
    labels: bySlot(labels),
    ...info,
  };
};

const slotOf = (section: ElfSection, offset: number): number => {
  if (offset % SLOT_SIZE === 0 && offset < section.size) return offset / SLOT_SIZE;
  throw new ElfError("BAD_RELOCATION", `section ${section.name}: no instruction begins at byte ${offset}`);
};

const bySlot = (symbols: readonly ElfSymbol[]): Map<number, ElfSymbol> => {
  const map = new Map<number, ElfSymbol>();
  for (const symbol of symbols) {
    const slot = symbol.value / SLOT_SIZE;
    const known = map.get(slot);
    if (known === undefined || (known.binding === "local" && symbol.binding !== "local")) map.set(slot, symbol);
  }
  return map;
};

/** The source line that an instruction was made from, where BTF knows it. */
export const placeOf = ({ lines }: CodeSection, slot: number): { readonly place?: SourcePlace } => {
  const line = lines[lowerBound(lines, ({ offset }) => offset > slot * SLOT_SIZE) - 1];
  if (line === undefined) return {};
  return { place: { file: line.file, line: line.line, ...(line.column > 0 ? { column: line.column } : {}) } };
};
