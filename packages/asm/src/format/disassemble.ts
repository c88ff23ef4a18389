import { type Instruction, targetOf } from "../instruction.js";
import { DIALECTS, type DialectName } from "../syntax/dialect.js";
import { type FormatOptions, formatInstruction } from "./format.js";

/** How a program is written. */
export interface DisassembleOptions extends Omit<FormatOptions, "dialect" | "label" | "relocation"> {
  readonly dialect: DialectName;
  /** False writes every jump as a distance; labels are made where jumps go otherwise. */
  readonly labels?: boolean;
  /** Names of places, such as functions, by pc. */
  readonly symbols?: ReadonlyMap<number, string>;
  /** Symbols that relocations put into instructions, by pc. */
  readonly relocations?: ReadonlyMap<number, string>;
  /** What stands in a comment above the instruction at a pc; nothing when empty or `undefined`. */
  readonly comment?: (pc: number) => string | undefined;
}

/** True for a name that stands for itself in this dialect: one word, and no register. */
const isWritable = (name: string, dialect: DialectName): boolean => {
  if (!/^[A-Za-z_.$][\w.$]*$/.test(name) || name === ".") return false;
  const tokens = [...DIALECTS[dialect].lexer.statements(name)].flat();
  return tokens.length === 1 && tokens[0]!.kind === "word";
};

/** The labels of a program by pc: the names given, and `L` with the pc where else a jump goes. */
const labelsOf = (instructions: readonly Instruction[], options: DisassembleOptions): Map<number, string> => {
  const labels = new Map<number, string>();
  // A relocation's symbol is left to the loader: as a label it would be resolved here, to other bytes.
  const taken = new Set(options.relocations?.values());
  const add = (pc: number, name: string) => {
    if (labels.has(pc) || taken.has(name) || !isWritable(name, options.dialect)) return;
    labels.set(pc, name);
    taken.add(name);
  };
  for (const [pc, name] of options.symbols ?? []) add(pc, name);
  if (options.labels === false) return labels;
  instructions.forEach((slot, pc) => {
    const target = targetOf(slot, pc);
    if (target !== undefined) add(target, `L${target}`);
  });
  return labels;
};

/** True where a line begins: labels can stand at the start of instructions only, and behind the last one. */
const isStart = (instructions: readonly Instruction[], pc: number): boolean =>
  pc >= 0 &&
  pc <= instructions.length &&
  !(instructions[pc]?.op.family === "lddw-tail" && instructions[pc - 1]?.op.family === "lddw");

/**
 * Writes a program as text that assembles back to the same bytes.
 *
 * @example
 * disassemble(decode(bytes), { dialect: "kernel" });
 */
export const disassemble = (instructions: readonly Instruction[], options: DisassembleOptions): string => {
  const { labels: _labels, symbols: _symbols, relocations, comment, ...rest } = options;
  const names = labelsOf(instructions, options);
  for (const pc of names.keys()) if (!isStart(instructions, pc)) names.delete(pc);
  const format: FormatOptions = {
    ...rest,
    label: (pc) => names.get(pc),
    relocation: (pc) => {
      const symbol = relocations?.get(pc);
      return symbol !== undefined && isWritable(symbol, options.dialect) ? symbol : undefined;
    },
  };
  let text = "";
  for (let pc = 0; pc <= instructions.length; pc++) {
    if (!isStart(instructions, pc)) continue;
    const label = names.get(pc);
    if (label !== undefined) text += `${label}:\n`;
    if (pc === instructions.length) continue;
    const remark = comment?.(pc);
    if (remark) text += `\t# ${remark.replace(/\s+/g, " ")}\n`;
    text += `\t${formatInstruction(instructions, pc, format)}\n`;
  }
  return text;
};
