import { linkObjects } from "@ebpf/elf";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { inputName, readInput, writeOutput } from "../files.js";
import { type Output, toJson } from "../output.js";
import { UsageError } from "../usage-error.js";

const run = async (args: Arguments, output: Output): Promise<number> => {
  const files = args.positionals;
  const target = args.text("output");
  if (files.length === 0) throw new UsageError("no object files are named");
  if (target === undefined)
    throw new UsageError("no file to write is named", "-o linked.o, or a dash for standard output");
  const bytes = linkObjects(files.map((file) => ({ bytes: readInput(file), path: inputName(file) })));
  writeOutput(target, bytes, output);
  if (args.flag("json") && target !== "-") output.line(toJson({ output: target, bytes: bytes.length }));
  return EXIT.ok;
};

export const linkCommand: Command = {
  name: "link",
  summary: "link object files into one",
  help: `ebpf link FILE… -o OUTPUT

Links object files into one, as bpftool gen object does: their sections, symbols and types become one, weak definitions give way.

  -o, --output F   the object file to write; a dash is standard output
  --json           {"output", "bytes"}`,
  options: { output: { type: "string", short: "o" } },
  run,
};
