import { type Instruction, SLOT_SIZE } from "@ebpf/asm";
import type { Btf } from "@ebpf/btf";
import type { EbpfError } from "@ebpf/core";
import { type ElfRelocation, type ElfSymbol, RELOCATION, RESERVED_INDEX } from "../elf-file.js";
import { ElfError } from "../errors.js";
import type { MapTable } from "../maps/table.js";
import { type CodeSection, placeOf } from "./code.js";

/** What an instruction refers to. */
export type Reference =
  | { readonly kind: "function"; readonly section: number; readonly slot: number }
  | { readonly kind: "map"; readonly handle: number }
  | { readonly kind: "data"; readonly handle: number; readonly offset: number }
  | { readonly kind: "absent" }; // a weak symbol of the kernel: its address is 0

/** What references lead into. */
export interface Targets {
  /** By index of the ELF section. */
  readonly code: ReadonlyMap<number, CodeSection>;
  readonly maps: MapTable;
  readonly btf: Btf | undefined;
  /** The section that BTF puts an extern into, by the extern's name: `.ksyms` or `.kconfig`. */
  readonly externs: ReadonlyMap<string, string>;
}

/** The externs of an object, as `Targets` has them. */
export const findExterns = (btf: Btf | undefined): Map<string, string> => {
  const externs = new Map<string, string>();
  for (const type of btf?.types ?? []) {
    if (type.kind !== "datasec") continue;
    for (const entry of type.variables) {
      const extern = btf?.type(entry.type);
      const isExtern = (extern?.kind === "var" || extern?.kind === "func") && extern.linkage === "extern";
      if (isExtern) externs.set(extern.name, type.name);
    }
  }
  return externs;
};

/**
 * Finds what every instruction of a section refers to, by slot. A reference that leads nowhere is kept as an error,
 * because it matters only to the programs that contain it.
 */
export const resolveReferences = (code: CodeSection, targets: Targets): Map<number, Reference | EbpfError> => {
  const references = new Map<number, Reference | EbpfError>();
  code.instructions.forEach((instruction, slot) => {
    try {
      const relocation = code.relocations.get(slot);
      const reference =
        relocation === undefined || relocation.type === RELOCATION.none
          ? finalReference(code, instruction, slot)
          : relocatedReference(instruction, code.instructions[slot + 1], relocation, targets);
      if (reference?.kind === "function") checkTarget(reference, targets);
      if (reference !== undefined) references.set(slot, reference);
    } catch (error) {
      if (!(error instanceof ElfError)) throw error;
      references.set(slot, located(error, code, slot));
    }
  });
  return references;
};

const located = (error: ElfError, code: CodeSection, slot: number): ElfError =>
  new ElfError(error.code, `section ${code.name}, instruction ${slot}: ${error.message}`, {
    ...placeOf(code, slot),
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

const checkTarget = ({ section, slot }: Reference & { kind: "function" }, targets: Targets): void => {
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
  if (section === 0) return externVariable(symbol, targets);
  const offset = value + addend;
  if (targets.code.has(section)) return { kind: "function", section, slot: offset / SLOT_SIZE };
  const map = targets.maps.find(section, offset);
  if (map === undefined) {
    if (targets.maps.hasSection(section)) {
      throw new ElfError("BAD_RELOCATION", `${symbol.name}+${addend} is not the start of a map`);
    }
    throw unknownSection(symbol);
  }
  if (!map.isData) return { kind: "map", handle: map.handle };
  const size = targets.maps.get(map.handle)?.spec.valueSize ?? 0;
  // One past the end is an address that C may form.
  if (offset < 0 || offset > size) {
    throw new ElfError("BAD_RELOCATION", `${symbol.name}+${addend} lies outside of its section of ${size} bytes`);
  }
  return { kind: "data", handle: map.handle, offset };
};

const unknownSection = ({ name, section }: ElfSymbol): ElfError =>
  section >= RESERVED_INDEX
    ? new ElfError("UNKNOWN_SECTION", `${name} lies in no section (${section.toString(16)})`, {
        hint: "compile with -fno-common",
      })
    : new ElfError("UNKNOWN_SECTION", `${name} lies in a section that is neither code nor maps nor data`);

/** `imm` counts instructions from the symbol, less one. */
const calledBy = ({ imm }: Instruction, symbol: ElfSymbol, targets: Targets): Reference => {
  if (symbol.section === 0) throw undefinedSymbol(symbol, targets, "function");
  if (!targets.code.has(symbol.section)) throw unknownSection(symbol);
  return { kind: "function", section: symbol.section, slot: symbol.value / SLOT_SIZE + imm + 1 };
};

const externVariable = (symbol: ElfSymbol, targets: Targets): Reference => {
  if (targets.externs.get(symbol.name) === ".ksyms" && symbol.binding === "weak") return { kind: "absent" };
  throw undefinedSymbol(symbol, targets, "variable");
};

const undefinedSymbol = (symbol: ElfSymbol, { externs }: Targets, what: string): ElfError => {
  switch (externs.get(symbol.name)) {
    case ".ksyms":
      return new ElfError("UNSUPPORTED_EXTERN", `${what} ${symbol.name} of the kernel`);
    case ".kconfig":
      return new ElfError("UNSUPPORTED_EXTERN", `${symbol.name} of the kernel's configuration`);
    default:
      return new ElfError("UNDEFINED_SYMBOL", `${what} ${symbol.name} is defined nowhere`);
  }
};
