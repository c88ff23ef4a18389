import { loadObject } from "../../load.js";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { writeOutput } from "../files.js";
import { LOAD_OPTION_HELP, LOAD_OPTIONS, loadOptions } from "../load-options.js";
import { OBJECT_OPTION_HELP, OBJECT_OPTIONS, readObjectFile } from "../object.js";
import { duration, type Output, toJson } from "../output.js";
import { chosenProgram } from "../programs.js";
import { UsageError } from "../usage-error.js";

const run = async (args: Arguments, output: Output): Promise<number> => {
  const target = args.text("output");
  if (target === undefined && !args.flag("json")) throw new UsageError("no file to write is named", "give it with -o");
  if (args.text("engine") === "interpreter") throw new UsageError("--engine interpreter compiles nothing");
  const object = readObjectFile(args);
  const { name } = chosenProgram(object, args.text("program"));
  const program = loadObject(object, { ...loadOptions(args, [name]), programs: [name] }).program(name);
  const wasm = program.wasm!;
  if (target !== undefined) writeOutput(target, wasm, output);
  const facts = { program: name, instructions: program.spec.instructions.length, bytes: wasm.length };
  if (args.flag("json")) output.line(toJson({ ...facts, compileMs: program.times.compile }));
  else
    output.note(
      `${name}: ${facts.instructions} instructions, ${wasm.length} bytes of WebAssembly, ${duration(1e6 * program.times.compile)}`,
    );
  return EXIT.ok;
};

export const compileCommand: Command = {
  name: "compile",
  summary: "write a program as a WebAssembly module",
  help: `ebpf compile FILE -o OUT [options]

Verifies a program of an object file and writes the WebAssembly module that it compiles to. The module runs with
@ebpf/runtime: it imports the memory and the helpers from there.

  -o, --output OUT     where to write; a dash is standard output
  --program NAME       the program, when FILE holds several
${LOAD_OPTION_HELP}
${OBJECT_OPTION_HELP}
  --json               a summary as JSON`,
  options: { ...LOAD_OPTIONS, ...OBJECT_OPTIONS, program: { type: "string" }, output: { type: "string", short: "o" } },
  run,
};
