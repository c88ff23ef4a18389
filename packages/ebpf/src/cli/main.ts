import { type EbpfError, isEbpfError } from "@ebpf/core";
import { RuntimeFault } from "@ebpf/runtime";
import { LoadError, type LoadErrorCode, VerificationError } from "../errors.js";
import { type Command, parseArguments } from "./command.js";
import { asmCommand } from "./commands/asm.js";
import { compileCommand } from "./commands/compile.js";
import { coreCommand } from "./commands/core.js";
import { disasmCommand } from "./commands/disasm.js";
import { inspectCommand } from "./commands/inspect.js";
import { linkCommand } from "./commands/link.js";
import { runCommand } from "./commands/run.js";
import { typesCommand } from "./commands/types.js";
import { verifyCommand } from "./commands/verify.js";
import { EXIT } from "./exit-codes.js";
import { type Output, table, toJson } from "./output.js";
import { UsageError } from "./usage-error.js";

const COMMANDS: readonly Command[] = [
  runCommand,
  verifyCommand,
  inspectCommand,
  typesCommand,
  coreCommand,
  disasmCommand,
  asmCommand,
  linkCommand,
  compileCommand,
];

const overview = (version: string): string[] => [
  `ebpf ${version}: verify, compile and run BPF programs, without a kernel`,
  "",
  ...table(COMMANDS.map(({ name, summary }) => [`ebpf ${name}`, summary])),
  "",
  "  ebpf COMMAND --help tells more. Every command takes - for standard input and --json for machines.",
];

/** The object is fine, but what the command line asks of it isn't there. */
const ASKED_FOR: ReadonlySet<LoadErrorCode> = new Set(["NO_PROGRAM", "NO_MAP", "NO_VARIABLE", "NO_TYPE"]);

const exitCodeOf = (error: EbpfError): number => {
  if (error instanceof VerificationError) return EXIT.rejected;
  if (error instanceof UsageError || (error instanceof LoadError && ASKED_FOR.has(error.code))) return EXIT.usage;
  if (error instanceof RuntimeFault) return EXIT.fault;
  return EXIT.badInput;
};

const placeOf = ({ place }: EbpfError): string =>
  [place?.file, place?.line, place?.column].filter((part) => part !== undefined).join(":");

const printError = (error: EbpfError, json: boolean, output: Output): void => {
  const { code, message, place, hint } = error;
  if (json) {
    const report = error instanceof VerificationError ? { rejection: error.report.rejection } : {};
    output.line(toJson({ error: { code, message, place, hint, ...report } }));
    return;
  }
  if (error instanceof VerificationError) {
    output.note(`${error.program}: rejected\n${error.render()}`);
    return;
  }
  const where = placeOf(error);
  output.note(`error[${code}]: ${where === "" ? "" : `${where}: `}${message}`);
  if (hint !== undefined) output.note(`  hint: ${hint}`);
};

const dispatch = async (argv: readonly string[], version: string, output: Output): Promise<number> => {
  const [name, ...rest] = argv;
  if (name === "--version") {
    output.line(version);
    return EXIT.ok;
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    for (const line of overview(version)) output.line(line);
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError(`${name}: no such command`, "ebpf --help lists the commands");
  const args = parseArguments(command, rest);
  if (args.flag("help")) {
    output.line(command.help);
    return EXIT.ok;
  }
  return command.run(args, output);
};

/**
 * The command line.
 *
 * @param argv what follows `ebpf`
 * @returns the exit code; failures that the user caused are printed, bugs of ours are thrown
 */
export const main = async (argv: readonly string[], version: string, output: Output): Promise<number> => {
  try {
    return await dispatch(argv, version, output);
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    printError(error, argv.includes("--json"), output);
    return exitCodeOf(error);
  }
};
