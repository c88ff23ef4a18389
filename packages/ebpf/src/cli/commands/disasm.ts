import { type DialectName, decode, disassemble, type Instruction } from "@ebpf/asm";
import type { ByteOrder } from "@ebpf/core";
import { linux, type ObjectProgram, type ProgramSpec } from "@ebpf/platform";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { readInput } from "../files.js";
import { BYTE_ORDERS, DIALECT_NAMES } from "../names.js";
import { OBJECT_OPTION_HELP, OBJECT_OPTIONS, readObjectFile } from "../object.js";
import { type Output, toJson } from "../output.js";
import { chosenPrograms } from "../programs.js";

const helperName = (id: number): string | undefined => linux.helpers.get(id)?.name;

/** Text of a slot-indexed program; `functions` are labelled, and source lines stand above what was made of them. */
const textOf = (
  instructions: readonly Instruction[],
  dialect: DialectName,
  order: ByteOrder,
  program?: ProgramSpec,
) => {
  const maps = new Map<number, string>();
  instructions.forEach(({ op, imm }, pc) => {
    const map = op.family === "lddw" && op.meaning.startsWith("map") ? program?.maps.get(imm) : undefined;
    if (map !== undefined) maps.set(pc, map.name);
  });
  const lines = new Map<number, string>();
  program?.lines.forEach(({ pc, text }, i, all) => {
    if (text !== all[i - 1]?.text) lines.set(pc, text.trim());
  });
  return disassemble(instructions, {
    dialect,
    order,
    symbols: new Map(program?.functions.map(({ pc, name }) => [pc, name])),
    comment: (pc) => [lines.get(pc), maps.has(pc) ? `map ${maps.get(pc)}` : undefined].filter(Boolean).join(" · "),
    ...(dialect === "kernel" ? { helperName } : {}),
  });
};

interface ProgramText {
  readonly name: string;
  readonly section: string;
  readonly text?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

const textOfProgram = (program: ObjectProgram, dialect: DialectName): ProgramText => {
  const { name, section } = program;
  if ("error" in program) return { name, section, error: { code: program.error.code, message: program.error.message } };
  const { spec } = program;
  return { name, section, text: textOf(spec.instructions, dialect, spec.byteOrder, spec) };
};

const disassembleRaw = (bytes: Uint8Array, dialect: DialectName, order: ByteOrder, json: boolean, output: Output) => {
  const text = textOf(decode(bytes, order), dialect, order);
  output.line(json ? toJson({ text }) : text.trimEnd());
};

const run = async (args: Arguments, output: Output): Promise<number> => {
  const file = args.file("object file");
  const dialect = args.choice("dialect", DIALECT_NAMES) ?? "kernel";
  if (args.flag("raw")) {
    disassembleRaw(readInput(file), dialect, args.choice("order", BYTE_ORDERS) ?? "little", args.flag("json"), output);
    return EXIT.ok;
  }
  const programs = chosenPrograms(readObjectFile(args), args.text("program"));
  const texts = programs.map((program) => textOfProgram(program, dialect));
  if (args.flag("json")) {
    output.line(toJson({ programs: texts }));
    return EXIT.ok;
  }
  for (const { name, section, text, error } of texts) {
    output.line(`# ${name}, section ${section}`);
    output.line(text ?? `# ${error?.code}: ${error?.message}`);
  }
  return EXIT.ok;
};

export const disasmCommand: Command = {
  name: "disasm",
  summary: "print instructions as text",
  help: `ebpf disasm FILE [options]

Prints the programs of an object file, each with the functions it calls, in the way a loader would hand them to the kernel.

  --program NAME       only this program
  --dialect NAME       kernel (default), gas or ubpf
  --raw                FILE holds bare instructions, 8 bytes a slot
  --order ORDER        byte order of bare instructions: little (default) or big
${OBJECT_OPTION_HELP}
  --json               {"programs": [{"name", "section", "text"}]}`,
  options: {
    ...OBJECT_OPTIONS,
    program: { type: "string" },
    dialect: { type: "string" },
    raw: { type: "boolean" },
    order: { type: "string" },
  },
  run,
};
