import { type ObjectProgram, PROGRAM_TYPES, type ProgramTypeName } from "@ebpf/platform";
import { kernelLog, type RejectedProgram, type Report, renderDiagnostic, toSarif, verify } from "@ebpf/verifier";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { OBJECT_OPTION_HELP, OBJECT_OPTIONS, readObjectFile } from "../object.js";
import { duration, type Output, toJson } from "../output.js";
import { chosenPrograms } from "../programs.js";
import { Progress } from "../progress.js";

/** What became of one program: a report, or the reason why there was nothing to verify. */
interface Outcome {
  readonly program: ObjectProgram;
  readonly report?: Report;
  readonly milliseconds: number;
}

interface Options {
  readonly type: ProgramTypeName | undefined;
  readonly logLevel: 1 | 2 | undefined;
  readonly selfCheck: boolean;
  readonly progress: Progress;
}

/** Hands a text that comes in pieces on as lines. */
const asLines = (write: (line: string) => void): ((text: string) => void) => {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(write);
  };
};

const verifyOne = (
  program: ObjectProgram,
  { type, logLevel, selfCheck, progress }: Options,
  output: Output,
): Outcome => {
  if ("error" in program) return { program, milliseconds: 0 };
  const begin = performance.now();
  const spec = type === undefined ? program.spec : { ...program.spec, type };
  const report = verify(spec, {
    selfCheck,
    shouldAbort: progress.verifying(program.name),
    ...(logLevel && { onEvent: kernelLog(spec, asLines(output.note.bind(output)), { level: logLevel }) }),
  });
  return { program, report, milliseconds: performance.now() - begin };
};

const jsonOf = ({ program, report, milliseconds }: Outcome) => ({
  name: program.name,
  section: program.section,
  ...("error" in program ? { error: { code: program.error.code, message: program.error.message } } : {}),
  ...(report && { verdict: report.verdict, rejection: report.rejection, statistics: report.statistics, milliseconds }),
});

/** The rejected programs among the outcomes. Standard input has no path that a viewer could open. */
const rejectedOf = (outcomes: readonly Outcome[], file: string): RejectedProgram[] =>
  outcomes.flatMap(({ program, report }) =>
    report?.rejection === undefined
      ? []
      : [{ program: program.name, rejection: report.rejection, ...(file !== "-" && { object: file }) }],
  );

const print = ({ program, report, milliseconds }: Outcome, output: Output): void => {
  if ("error" in program) {
    output.line(`${program.name}: ${program.error.code}: ${program.error.message}`);
  } else if (report?.rejection === undefined) {
    const walked = report?.statistics.processedInstructions;
    output.line(`${program.name}: accepted (${walked} instructions walked in ${duration(1e6 * milliseconds)})`);
  } else {
    output.line(`${program.name}: rejected`);
    output.line(renderDiagnostic(report.rejection));
  }
};

const exitCode = (outcomes: readonly Outcome[]): number => {
  if (outcomes.some(({ report }) => report?.rejection !== undefined)) return EXIT.rejected;
  return outcomes.some(({ program }) => "error" in program) ? EXIT.badInput : EXIT.ok;
};

const LOG_LEVELS: Readonly<Record<string, 1 | 2>> = { 1: 1, 2: 2 };

const run = async (args: Arguments, output: Output): Promise<number> => {
  const file = args.file("object file");
  const type = args.choice("type", PROGRAM_TYPES);
  const logLevel = LOG_LEVELS[args.choice("log", ["1", "2"]) ?? ""];
  const object = readObjectFile(args);
  const programs = chosenPrograms(object, args.text("program"));
  const options: Options = { type, logLevel, selfCheck: args.flag("self-check"), progress: new Progress(output) };
  const outcomes = programs.map((program) => verifyOne(program, options, output));
  if (args.flag("sarif")) output.line(toJson(toSarif(rejectedOf(outcomes, file))));
  else if (args.flag("json")) output.line(toJson({ programs: outcomes.map(jsonOf) }));
  else for (const outcome of outcomes) print(outcome, output);
  return exitCode(outcomes);
};

export const verifyCommand: Command = {
  name: "verify",
  summary: "judge programs as the kernel would",
  help: `ebpf verify FILE [options]

Verifies every program of an object file. A rejected one prints the rule that it breaks, the line of C, the path that leads
there and a hint.

  --program NAME       only this program
  --type TYPE          program type, when the section's name does not tell (such as xdp or sched_cls)
${OBJECT_OPTION_HELP}
  --log LEVEL          the log that the kernel would write, at level 1 or 2, on standard error
  --self-check         check the verifier itself on the way: exit code 70 when it is wrong
  --json               {"programs": [{"name", "verdict", "rejection", "statistics"}]}
  --sarif              rejections as SARIF 2.1.0, for code hosts and editors`,
  options: {
    ...OBJECT_OPTIONS,
    program: { type: "string" },
    type: { type: "string" },
    log: { type: "string" },
    "self-check": { type: "boolean" },
    sarif: { type: "boolean" },
  },
  run,
};
