import { decode, encode, type Instruction, rawInstruction, SLOT_SIZE } from "@ebpf/asm";
import { BtfError, type CoreSlot, type LineRecord, patchCore } from "@ebpf/btf";
import type { ByteReader, EbpfError } from "@ebpf/core";
import { placeOfLine } from "@ebpf/platform";
import type { CoreResolutions } from "../core-relocations.js";
import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  relocationsOf,
  SECTION_FLAG,
  SECTION_TYPE,
} from "../elf-file.js";
import { ElfError, type ElfErrorDetails } from "../errors.js";
import { lazy } from "../lazy.js";
import { lowerBound } from "../lower-bound.js";
import type { ObjectBtf } from "../object-btf.js";

/** What the code of an object is read with. */
export interface CodeContext {
  readonly file: ElfFile;
  readonly types: ObjectBtf;
  readonly core: CoreResolutions;
}

/** A section of instructions, with what belongs to each slot. All but the symbols is read when it is first needed. */
export class CodeSection {
  readonly index: number;
  readonly name: string;
  /** How many slots there are. */
  readonly length: number;
  /** Symbols of functions, by slot; the entry of a function with several names is its global one. */
  readonly functions: ReadonlyMap<number, ElfSymbol>;
  /** Symbols that may be functions or just labels, by slot. */
  readonly labels: ReadonlyMap<number, ElfSymbol>;
  readonly #content: ByteReader;
  readonly #code: () => AdaptedCode;
  readonly #relocations: () => ReadonlyMap<number, ElfRelocation>;
  readonly #lines: () => readonly LineRecord[];
  readonly #functionTypes: () => ReadonlyMap<number, number>;

  /** @throws ElfError `BAD_SECTION`, `BAD_SYMBOL` */
  constructor({ file, types, core }: CodeContext, section: ElfSection) {
    const { name, index, size, content } = section;
    if (size % SLOT_SIZE !== 0) {
      throw new ElfError("BAD_SECTION", `${size} bytes are no whole number of instructions`, content);
    }
    this.#content = content;
    this.index = index;
    this.name = name;
    this.length = size / SLOT_SIZE;
    const symbols = file.symbolsBySection.get(index) ?? [];
    const typed = symbols.filter(({ kind }) => kind === "function");
    const lost = typed.find(({ value }) => value % SLOT_SIZE !== 0 || value >= size);
    if (lost !== undefined) {
      throw new ElfError("BAD_SYMBOL", `no instruction begins at byte ${lost.value}, where ${lost.name} is`, content);
    }
    const labels = symbols.filter(
      ({ kind, name, value }) => kind === "none" && name !== "" && value % SLOT_SIZE === 0 && value < size,
    );
    // Old compilers give functions no type; local ones then can't be told from labels.
    this.functions = bySlot(typed.length > 0 ? typed : labels.filter(({ binding }) => binding !== "local"));
    this.labels = bySlot(labels);
    this.#relocations = lazy(() => relocationsBySlot(file, section));
    this.#code = lazy(() => adapt(decode(content.bytes, file.order), section, core));
    this.#lines = lazy(() => orderedLines(types.ext?.lines.get(name) ?? []));
    this.#functionTypes = lazy(() => {
      const records = types.ext?.functions.get(name) ?? [];
      return new Map(records.map(({ offset, typeId }) => [offset / SLOT_SIZE, typeId]));
    });
  }

  /** Adapted to the kernel's types. */
  get instructions(): readonly Instruction[] {
    return this.#code().instructions;
  }

  /** Slots that can't be adapted to the kernel's types, in order. */
  get coreErrors(): readonly (readonly [number, EbpfError])[] {
    return this.#code().errors;
  }

  /** By slot. */
  get relocations(): ReadonlyMap<number, ElfRelocation> {
    return this.#relocations();
  }

  /** In order of offset. */
  get lines(): readonly LineRecord[] {
    return this.#lines();
  }

  /** Type id of the function that begins at a slot. */
  functionTypeAt(slot: number): number | undefined {
    return this.#functionTypes().get(slot);
  }

  /** Where an instruction stands in the file, and the source line that it was made from, where BTF knows it. */
  placeOf(slot: number): ElfErrorDetails {
    const { path, base } = this.#content;
    const at = { path, offset: base + slot * SLOT_SIZE };
    const line = this.lines[lowerBound(this.lines, ({ offset }) => offset > slot * SLOT_SIZE) - 1];
    return line === undefined ? at : { ...at, place: placeOfLine(line) };
  }
}

/**
 * Every section that holds instructions, by index.
 *
 * @throws ElfError `BAD_SECTION`, `BAD_SYMBOL` where something isn't at the start of an instruction.
 */
export const readCode = (context: CodeContext): ReadonlyMap<number, CodeSection> =>
  new Map(
    context.file.sections
      .filter(
        ({ type, flags, size }) => type === SECTION_TYPE.progbits && (flags & SECTION_FLAG.execute) !== 0 && size > 0,
      )
      .map((section) => [section.index, new CodeSection(context, section)]),
  );

/** Instructions after CO-RE, and what went wrong, by slot. */
interface AdaptedCode {
  readonly instructions: readonly Instruction[];
  readonly errors: readonly (readonly [number, EbpfError])[];
}

const adapt = (instructions: Instruction[], { name, content }: ElfSection, core: CoreResolutions): AdaptedCode => {
  const errors: (readonly [number, EbpfError])[] = [];
  for (const { offset, resolution } of core.of(name)) {
    const slot = offset / SLOT_SIZE;
    const head = instructions[slot];
    if (head === undefined) {
      throw new ElfError("BAD_RELOCATION", `no instruction begins at byte ${offset}, which CO-RE is for`, content);
    }
    try {
      if ("code" in resolution) throw resolution;
      const tail = head.op.family === "lddw" ? instructions.slice(slot + 1, slot + 2) : [];
      for (const [i, patched] of recognized(patchCore([head, ...tail], resolution)).entries()) {
        instructions[slot + i] = patched;
      }
    } catch (error) {
      if (!(error instanceof BtfError || error instanceof ElfError)) throw error;
      errors.push([slot, error]);
    }
  }
  return { instructions, errors: errors.sort(([a], [b]) => a - b) };
};

/** The instructions that slots stand for. */
const recognized = (slots: readonly CoreSlot[]): Instruction[] =>
  decode(encode(slots.map((slot) => rawInstruction(slot.opcode, slot))));

/** One line for each slot; a record inside of an instruction belongs to none. */
const orderedLines = (lines: readonly LineRecord[]): LineRecord[] => {
  const whole = lines.filter(({ offset }) => offset % SLOT_SIZE === 0);
  const byOffset = new Map(whole.map((line) => [line.offset, line]));
  return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
};

const relocationsBySlot = (file: ElfFile, section: ElfSection): Map<number, ElfRelocation> =>
  new Map(
    relocationsOf(file, section).map((relocation) => {
      const { offset } = relocation;
      if (offset % SLOT_SIZE === 0 && offset < section.size) return [offset / SLOT_SIZE, relocation];
      throw new ElfError("BAD_RELOCATION", `no instruction begins at byte ${offset}`, section.content);
    }),
  );

const bySlot = (symbols: readonly ElfSymbol[]): Map<number, ElfSymbol> => {
  const map = new Map<number, ElfSymbol>();
  for (const symbol of symbols) {
    const slot = symbol.value / SLOT_SIZE;
    const known = map.get(slot);
    if (known === undefined || (known.binding === "local" && symbol.binding !== "local")) map.set(slot, symbol);
  }
  return map;
};
