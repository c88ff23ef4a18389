import { type Btf, dumpC, dumpTypeScript } from "@ebpf/btf";
import { readBtf } from "@ebpf/elf";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { inputName, readInput } from "../files.js";
import { type Output, toJson } from "../output.js";
import { UsageError } from "../usage-error.js";

const LANGUAGES = ["c", "typescript"] as const;

/** The types that are asked for by name, each of its first kind that has one: `undefined` where none is. */
const chosen = (btf: Btf, names: readonly string[]): number[] | undefined => {
  if (names.length === 0) return undefined;
  return names.map((name) => {
    const id = btf.findByName(name);
    if (id === undefined) throw new UsageError(`--only ${name}: there is no such type`);
    return id;
  });
};

const run = async (args: Arguments, output: Output): Promise<number> => {
  const file = args.file("file with types");
  const btf = readBtf(readInput(file), { path: inputName(file) });
  const types = chosen(btf, args.list("only"));
  const language = args.choice("as", LANGUAGES) ?? "c";
  const preserveAccessIndex = args.flag("preserve-access-index");
  const selection = types === undefined ? {} : { types };
  if (args.flag("json")) output.line(toJson({ types: types?.map((id) => ({ id, ...btf.type(id) })) ?? btf.types }));
  else if (language === "typescript") output.line(dumpTypeScript(btf, selection).trimEnd());
  else output.line(dumpC(btf, { ...selection, preserveAccessIndex }).trimEnd());
  return EXIT.ok;
};

export const typesCommand: Command = {
  name: "types",
  summary: "write the types of a file as C or TypeScript",
  help: `ebpf types FILE [options]

Writes the types of an object file, of a kernel's image or of BTF itself (such as /sys/kernel/btf/vmlinux) as declarations in C, or as a
TypeScript module with an interface, a reader and a writer over DataView for each structure.

  --as LANGUAGE            c (default) or typescript
  --only NAME              this type with all that it needs (repeatable); all types by default
  --preserve-access-index  C that adapts to the kernel (CO-RE)
  --json                   {"types": […]}: by id, as BTF has them`,
  options: {
    as: { type: "string" },
    only: { type: "string", multiple: true },
    "preserve-access-index": { type: "boolean" },
  },
  run,
};
