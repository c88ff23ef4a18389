import { type AssembledSection, type Assembly, assemble, SLOT_SIZE } from "@ebpf/asm";
import { bytesToHex } from "@ebpf/core";
import { type ObjectSource, writeObject } from "@ebpf/elf";
import { linux } from "@ebpf/platform";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { inputName, readInput, writeOutput } from "../files.js";
import { BYTE_ORDERS, CPU_VERSIONS, DIALECT_NAMES } from "../names.js";
import { type Output, toJson } from "../output.js";
import { UsageError } from "../usage-error.js";

const HELPER_BY_NAME = new Map([...linux.helpers.values()].map(({ id, name }) => [name, id]));

/** The section to write: the one that is named, or the only one that holds code. */
const chooseSection = (assembly: Assembly, name: string | undefined): AssembledSection => {
  const code = assembly.sections.filter((section) => section.executable && section.bytes.length > 0);
  if (name !== undefined) {
    const found = assembly.sections.find((section) => section.name === name);
    if (found === undefined) throw new UsageError(`--section ${name}: the text has no such section`);
    return found;
  }
  const [only, second] = code;
  if (only === undefined) throw new UsageError("the text holds no instructions");
  if (second !== undefined) {
    throw new UsageError(
      `code stands in several sections: ${code.map((s) => s.name).join(", ")}`,
      "choose with --section",
    );
  }
  return only;
};

const printHex = (section: AssembledSection, output: Output): void => {
  for (let at = 0; at < section.bytes.length; at += SLOT_SIZE) {
    output.line(bytesToHex(section.bytes.subarray(at, at + SLOT_SIZE)));
  }
};

const writeObjectFile = (args: Arguments, source: ObjectSource, output: Output): number => {
  const target = args.text("output");
  if (target === undefined)
    throw new UsageError("an object file needs a name", "-o prog.o, or a dash for standard output");
  const license = args.text("license");
  const bytes = writeObject({ ...source, ...(license !== undefined && { license }) });
  writeOutput(target, bytes, output);
  if (args.flag("json") && target !== "-") output.line(toJson({ output: target, bytes: bytes.length }));
  return EXIT.ok;
};

const run = async (args: Arguments, output: Output): Promise<number> => {
  const file = args.file("assembly text");
  const cpu = args.choice("cpu", CPU_VERSIONS);
  const order = args.choice("order", BYTE_ORDERS) ?? "little";
  const text = new TextDecoder().decode(readInput(file));
  const assembly = assemble(text, {
    dialect: args.choice("dialect", DIALECT_NAMES) ?? "kernel",
    order,
    helpers: (name) => HELPER_BY_NAME.get(name) ?? HELPER_BY_NAME.get(`bpf_${name}`),
    file: inputName(file),
    ...(cpu === undefined ? {} : { cpu }),
  });
  const target = args.text("output");
  if (args.flag("object"))
    return writeObjectFile(args, { assembly, order, source: { file: inputName(file), text } }, output);
  if (args.flag("json")) {
    output.line(toJson(assembly));
    return EXIT.ok;
  }
  const section = chooseSection(assembly, args.text("section"));
  for (const { symbol, offset } of assembly.relocations.filter((relocation) => relocation.section === section.name)) {
    output.note(`note: the reference to ${symbol} at byte ${offset} is left open`);
  }
  if (target === undefined) printHex(section, output);
  else writeOutput(target, section.bytes, output);
  return EXIT.ok;
};

export const asmCommand: Command = {
  name: "asm",
  summary: "assemble a text into instructions",
  help: `ebpf asm FILE [options]

Assembles FILE and prints each 8-byte slot in hexadecimal, or writes an object file.

  --dialect NAME   kernel (default), gas or ubpf
  --cpu VERSION    accept only operations up to v1, v2, v3 or v4
  --order ORDER    byte order: little (default) or big
  --section NAME   the section to write, when the text has several with code
  -o, --output F   write the bytes to F instead; a dash is standard output
  --object         write an object file that libbpf loads, with all sections, symbols, types and lines
  --license TEXT   the object's license, such as GPL
  --json           sections, symbols and relocations as JSON; of an object {"output", "bytes"}`,
  options: {
    dialect: { type: "string" },
    cpu: { type: "string" },
    order: { type: "string" },
    section: { type: "string" },
    output: { type: "string", short: "o" },
    object: { type: "boolean" },
    license: { type: "string" },
  },
  run,
};
