import { type Instruction, SLOT_SIZE } from "@ebpf/asm";
import type { EbpfError } from "@ebpf/core";
import { type ElfRelocation, type ElfSymbol, RELOCATION, RESERVED_INDEX } from "../elf-file.js";
import { ElfError } from "../errors.js";
import type { ExternTable, ResolvedExtern } from "../externs/table.js";
import type { MapTable } from "../maps/table.js";
import type { ObjectBtf } from "../object-btf.js";
import type { CodeSection } from "./code.js";
import type { JumpTableReference } from "./jump-tables.js";

/** A function, by its first slot. */
export interface FunctionReference {
  readonly kind: "function";
  /** Index of its section. */
  readonly section: number;
  readonly slot: number;
}

/** What an instruction refers to. */
export type Reference =
  | FunctionReference
  | JumpTableReference
  | { readonly kind: "map"; readonly handle: number }
  | { readonly kind: "data"; readonly handle: number; readonly offset: number }
  | Extract<ResolvedExtern, { kind: "btf" | "address" | "missing" }>;

/** What references lead into. */
export interface Targets {
  /** By index of the ELF section. */
  readonly code: ReadonlyMap<number, CodeSection>;
  readonly maps: MapTable;
  readonly types: ObjectBtf;
  readonly externs: ExternTable;
  /** Index of the section of jump tables. */
  readonly jumpTables: number | undefined;
}

/**
 * Finds what the instructions from `start` up to `end` refer to, by slot, in order. A reference that leads nowhere is
 * kept as an error, because it matters only to the programs that contain it.
 */
export const referencesIn = (
  code: CodeSection,
  start: number,
  end: number,
  targets: Targets,
): (readonly [number, Reference | EbpfError])[] => {
  const { instructions, relocations } = code;
  const references: (readonly [number, Reference | EbpfError])[] = [];
  for (let slot = start; slot < end; slot++) {
    const instruction = instructions[slot]!;
    const relocation = relocations.get(slot);
    if (relocation === undefined && !refersToMemory(instruction)) continue;
    try {
      const reference =
        relocation === undefined || relocation.type === RELOCATION.none
          ? finalReference(code, instruction, slot)
          : relocatedReference(instruction, instructions[slot + 1], relocation, targets);
      if (reference?.kind === "function") checkTarget(reference, targets);
      if (reference !== undefined) references.push([slot, reference]);
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
      references.push([slot, located(error, code, slot)]);
    }
  }
  return references;
};

const refersToMemory = ({ op }: Instruction): boolean =>
  (op.family === "call" && op.target === "local") || (op.family === "lddw" && op.meaning !== "value");

const located = (error: ElfError, code: CodeSection, slot: number): ElfError =>
  new ElfError(error.code, `instruction ${slot}: ${error.message}`, {
    ...code.placeOf(slot),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });

/** Without a relocation, calls inside of a section are final already; nobody could know which map is meant. */
const finalReference = (code: CodeSection, { op, imm }: Instruction, slot: number): Reference | undefined => {
  const isMap = op.family === "lddw" && (op.meaning === "map" || op.meaning === "map_value");
  if (isMap) throw new ElfError("BAD_RELOCATION", `${op.name} ${imm} refers to a map without a relocation`);
  const isCall = op.family === "call" && op.target === "local";
  const isAddress = op.family === "lddw" && op.meaning === "function";
  return isCall || isAddress ? { kind: "function", section: code.index, slot: slot + 1 + imm } : undefined;
};

const checkTarget = ({ section, slot }: FunctionReference, targets: Targets): void => {
  const code = targets.code.get(section);
  const target = code?.instructions[slot];
  if (target !== undefined && target.op.family !== "lddw-tail") return;
  throw new ElfError("BAD_CALL", `no instruction begins at ${code?.name}+${slot}, which is called`);
};

const relocatedReference = (
  instruction: Instruction,
  tail: Instruction | undefined,
  { type, symbol }: ElfRelocation,
  targets: Targets,
): Reference => {
  const { family } = instruction.op;
  if (type === RELOCATION.wide && family === "lddw") {
    return addressOf(symbol, instruction.imm + (tail?.imm ?? 0) * 2 ** 32, targets);
  }
  if (type === RELOCATION.call && family === "call") return calledBy(instruction, symbol, targets);
  if (type !== RELOCATION.wide && type !== RELOCATION.call) {
    throw new ElfError("UNSUPPORTED_RELOCATION", `relocation type ${type} against ${symbol.name} in code`);
  }
  throw new ElfError(
    "BAD_RELOCATION",
    `relocation type ${type} against ${symbol.name} is not for ${instruction.op.name}`,
  );
};

/** The address of a symbol plus `addend` bytes. */
const addressOf = (symbol: ElfSymbol, addend: number, targets: Targets): Reference => {
  const { section, value } = symbol;
  if (section === 0) return externReference(symbol, targets);
  const offset = value + addend;
  if (targets.code.has(section)) return { kind: "function", section, slot: offset / SLOT_SIZE };
  if (section === targets.jumpTables)
    return { kind: "jump table", symbol: symbol.name, offset: value, size: symbol.size };
  const map = targets.maps.find(section, offset);
  if (map === undefined) {
    if (targets.maps.hasSection(section)) {
      throw new ElfError("BAD_RELOCATION", `${symbol.name}+${addend} is not the start of a map`);
    }
    throw unknownSection(symbol);
  }
  if (!map.isData) return { kind: "map", handle: map.handle };
  const { type, valueSize, maxEntries } = targets.maps.get(map.handle)!.spec;
  const size = type === "arena" ? maxEntries * ARENA_PAGE : valueSize;
  // One past the end is an address that C may form.
  if (offset < 0 || offset > size) {
    throw new ElfError("BAD_RELOCATION", `${symbol.name}+${addend} lies outside of its section of ${size} bytes`);
  }
  return { kind: "data", handle: map.handle, offset };
};

/** Bytes of an arena's page, which its size is counted in. */
const ARENA_PAGE = 4096;

const unknownSection = ({ name, section }: ElfSymbol): ElfError =>
  section >= RESERVED_INDEX
    ? new ElfError("UNKNOWN_SECTION", `${name} lies in no section (${section.toString(16)})`, {
        hint: "compile with -fno-common",
      })
    : new ElfError("UNKNOWN_SECTION", `${name} lies in a section that is neither code nor maps nor data`);

/** `imm` counts instructions from the symbol, less one. */
const calledBy = ({ imm }: Instruction, symbol: ElfSymbol, targets: Targets): Reference => {
  if (symbol.section === 0) return externReference(symbol, targets);
  if (!targets.code.has(symbol.section)) throw unknownSection(symbol);
  return { kind: "function", section: symbol.section, slot: symbol.value / SLOT_SIZE + imm + 1 };
};

const externReference = (symbol: ElfSymbol, { externs, maps }: Targets): Reference => {
  const extern = externs.resolve(symbol.name);
  if (extern === undefined) throw new ElfError("UNDEFINED_SYMBOL", `${symbol.name} is defined nowhere`);
  switch (extern.kind) {
    case "error":
      throw extern.error;
    case "kconfig":
      return { kind: "data", handle: maps.kconfig!, offset: extern.offset };
    default:
      return extern;
  }
};
