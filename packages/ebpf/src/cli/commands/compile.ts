import { basename } from "node:path";
import { type BinaryenBackend, loadBinaryen } from "@ebpf/jit";
import { loadObject } from "../../load.js";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { writeOutput } from "../files.js";
import { loadOptions, PROGRAM_OPTION_HELP, PROGRAM_OPTIONS } from "../load-options.js";
import { OBJECT_OPTION_HELP, OBJECT_OPTIONS, readObjectFile } from "../object.js";
import { counted, type Output, toJson } from "../output.js";
import { chosenPrograms } from "../programs.js";
import { UsageError } from "../usage-error.js";

/** Where the source map goes: beside the module, or into it when that goes to standard output. */
const sourceMapOf = (args: Arguments, target: string | undefined): string | true | undefined => {
  if (!args.flag("source-map")) return undefined;
  return target === undefined || target === "-" ? true : `${basename(target)}.map`;
};

const BACKENDS = ["direct", "binaryen"] as const;

const backendOf = async (args: Arguments): Promise<BinaryenBackend | undefined> =>
  args.choice("backend", BACKENDS) === "binaryen" ? await loadBinaryen() : undefined;

const run = async (args: Arguments, output: Output): Promise<number> => {
  const target = args.text("output");
  if (target === undefined && !args.flag("json") && !args.flag("text"))
    throw new UsageError("no file to write is named", "give it with -o");
  const object = readObjectFile(args);
  const chosen = args.text("program");
  const names = chosenPrograms(object, chosen)
    .filter(({ autoload }) => chosen !== undefined || autoload !== false)
    .map(({ name }) => name);
  const collection = loadObject(object, {
    ...loadOptions(args, names),
    programs: names,
    engine: "interpreter",
  });
  const sourceMap = sourceMapOf(args, target);
  const backend = await backendOf(args);
  const artifact = collection.artifact({ ...(sourceMap && { sourceMap }), ...(backend && { backend }) });
  if (target !== undefined) writeOutput(target, artifact.wasm, output);
  if (args.flag("text")) output.line((backend ?? (await loadBinaryen())).text(artifact.wasm));
  if (typeof sourceMap === "string") {
    writeOutput(`${target}.map`, new TextEncoder().encode(JSON.stringify(artifact.sourceMap)), output);
  }
  const { programs, helpers } = artifact.info;
  if (args.flag("json")) output.line(toJson({ ...artifact.info, bytes: artifact.wasm.length }));
  else if (target !== undefined) {
    output.note(`${counted(programs.length, "program")}, ${artifact.wasm.length} bytes of WebAssembly`);
    if (helpers.length > 0) output.note(`needs of its host: ${helpers.map(({ name }) => name).join(", ")}`);
  }
  return EXIT.ok;
};

export const compileCommand: Command = {
  name: "compile",
  summary: "write an object's programs as one stand-alone WebAssembly module",
  help: `ebpf compile FILE [-o OUT] [options]

Verifies the programs of an object file and writes one WebAssembly module with all of them and their maps. The module
runs without this tool; docs/artefact.md describes its imports, exports and custom sections.

  -o, --output OUT     where to write; a dash is standard output
  --program NAME       only this program of FILE
  --source-map         also OUT.map, with which debuggers show the lines of C (inside of OUT when that is a dash)
  --backend BACKEND    direct (default), or binaryen to optimize and validate with the package of this name
  --text               print the module in WebAssembly's text format (needs binaryen)
${PROGRAM_OPTION_HELP}
${OBJECT_OPTION_HELP}
  --json               what the module holds and needs, as JSON`,
  options: {
    ...PROGRAM_OPTIONS,
    ...OBJECT_OPTIONS,
    program: { type: "string" },
    output: { type: "string", short: "o" },
    backend: { type: "string" },
    text: { type: "boolean" },
    "source-map": { type: "boolean" },
  },
  run,
};
