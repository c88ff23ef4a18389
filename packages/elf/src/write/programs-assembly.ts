import {
  type AssembledRelocation,
  type AssembledSymbol,
  type Assembly,
  encode,
  type Instruction,
  SLOT_SIZE,
} from "@ebpf/asm";
import type { ByteOrder } from "@ebpf/core";
import type { FunctionInfo, MapSpec } from "@ebpf/platform";
import { ElfError } from "../errors.js";

/** A program as `ProgramBuilder` makes it. */
export interface ProgramSource {
  readonly name: string;
  /** Name of its section, such as `xdp`. */
  readonly section: string;
  /** An instruction that refers to a map carries its handle. */
  readonly instructions: readonly Instruction[];
  /** Where functions begin, the program itself first; may be left out for a program without others. */
  readonly functions?: readonly Pick<FunctionInfo, "pc" | "name">[];
  /** Maps by handle. */
  readonly maps?: ReadonlyMap<number, MapSpec>;
}

/** Functions that programs call stand here. */
const SUBPROGRAM_SECTION = ".text";

/**
 * Takes programs apart into sections, symbols and relocations, for `writeObject`. Each brings its own copies of the
 * functions it calls, so their names get the program's name in front.
 *
 * @throws ElfError `BAD_MAP` for a handle that no map stands behind; `BAD_CALL` for a call to where no function begins.
 */
export const programsAssembly = (programs: readonly ProgramSource[], order: ByteOrder = "little"): Assembly => {
  const sections = new Map<string, Instruction[]>();
  const symbols: AssembledSymbol[] = [];
  const relocations: AssembledRelocation[] = [];
  for (const program of programs) {
    for (const part of partsOf(program)) {
      const code = sections.get(part.section) ?? [];
      sections.set(part.section, code);
      const start = code.length;
      const { name, section, binding, instructions } = part;
      const size = instructions.length * SLOT_SIZE;
      symbols.push({ name, section, offset: start * SLOT_SIZE, size, binding, type: "function" });
      instructions.forEach((instruction, slot) => {
        code.push(instruction);
        const reference = referenceOf(program, part, slot);
        if (reference !== undefined) {
          relocations.push({ section, offset: (start + slot) * SLOT_SIZE, ...reference });
        }
      });
    }
  }
  return {
    sections: [...sections].map(([name, instructions]) => ({
      name,
      executable: true,
      bytes: encode(instructions.map(unresolved), order),
      instructions,
      lines: instructions.map(() => 0),
    })),
    symbols,
    relocations,
  };
};

/** A function of a program. */
interface Part {
  readonly name: string;
  readonly section: string;
  readonly binding: "local" | "global";
  /** Its first pc in the program. */
  readonly start: number;
  readonly instructions: readonly Instruction[];
}

const partName = (program: ProgramSource, name: string, pc: number): string =>
  pc === 0 ? program.name : `${program.name}.${name}`;

const partsOf = (program: ProgramSource): Part[] => {
  const functions = program.functions?.length ? program.functions : [{ pc: 0, name: program.name }];
  return functions.map(({ pc, name }, i) => ({
    name: partName(program, name, pc),
    section: pc === 0 ? program.section : SUBPROGRAM_SECTION,
    binding: pc === 0 ? ("global" as const) : ("local" as const),
    start: pc,
    instructions: program.instructions.slice(pc, functions[i + 1]?.pc),
  }));
};

type Target = Pick<AssembledRelocation, "kind" | "symbol" | "addend">;

const referenceOf = (program: ProgramSource, part: Part, slot: number): Target | undefined => {
  const { op, imm } = part.instructions[slot]!;
  const isAddress = op.family === "lddw" && op.meaning === "function";
  if (isAddress || (op.family === "call" && op.target === "local")) {
    const pc = part.start + slot + 1 + imm;
    const target = program.functions?.find((candidate) => candidate.pc === pc);
    if (target === undefined) throw new ElfError("BAD_CALL", `${program.name}: no function begins at ${pc}`);
    return { kind: isAddress ? "imm64" : "call", symbol: partName(program, target.name, pc), addend: 0n };
  }
  if (op.family !== "lddw" || (op.meaning !== "map" && op.meaning !== "map_value")) return undefined;
  const map = program.maps?.get(imm);
  if (map === undefined) throw new ElfError("BAD_MAP", `${program.name}: no map has the handle ${imm}`);
  if (op.meaning === "map_value") {
    throw new ElfError("BAD_MAP", `${program.name}: the value of map ${map.name} is no global data of the object`);
  }
  return { kind: "imm64", symbol: map.name, addend: 0n };
};

/** What is filled in later is plain: loaders put the meaning of a load where the relocation says. */
const unresolved = (slot: Instruction): Instruction =>
  slot.op.family === "lddw" && slot.op.meaning !== "value" ? { ...slot, src: 0, imm: 0 } : slot;
