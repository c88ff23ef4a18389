import { hexToBytes } from "@ebpf/core";
import type { RunInput } from "@ebpf/runtime";
import type { Collection } from "../../collection.js";
import { LoadError } from "../../errors.js";
import { loadObject } from "../../load.js";
import { readPcap } from "../../pcap.js";
import type { LoadedProgram, ProgramResult } from "../../program.js";
import type { Arguments, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { inputName, readInput } from "../files.js";
import { LOAD_OPTION_HELP, LOAD_OPTIONS, loadOptions } from "../load-options.js";
import { type MapContents, mapContents, printMaps, recordTypes } from "../maps.js";
import { OBJECT_OPTION_HELP, OBJECT_OPTIONS, readObjectFile } from "../object.js";
import { counted, duration, type Output, table, toJson } from "../output.js";
import { chosenProgram } from "../programs.js";
import { Progress } from "../progress.js";
import { UsageError } from "../usage-error.js";

/** What the runs of a program gave, all together. */
interface Tally {
  runs: number;
  /** Nanoseconds of the first `MAX_SAMPLES` runs. */
  readonly times: number[];
  readonly verdicts: Map<string, number>;
  last: ProgramResult | undefined;
}

/** Enough to know the median. */
const MAX_SAMPLES = 100_000;

/** Half of the runs took no longer than this: the first ones, before code is warm, would spoil a mean. */
const medianTime = ({ times }: Tally): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;

/** The value of `--packet` or `--context`. */
const hexOption = (args: Arguments, name: string): Uint8Array | undefined => {
  const text = args.text(name);
  if (text === undefined) return undefined;
  const bytes = hexToBytes(text);
  if (bytes === undefined) throw new UsageError(`--${name} ${text}: these are no hexadecimal bytes`);
  return bytes;
};

/** What the program is run on. Without any, a program that takes no packets gets a context of zeros. */
const inputsOf = (args: Arguments): readonly (RunInput | undefined)[] => {
  const given = ["pcap", "packet", "context"].filter((name) => args.text(name) !== undefined);
  if (given.length > 1) throw new UsageError(`--${given[0]} and --${given[1]} can't be given together`);
  const pcap = args.text("pcap");
  if (pcap !== undefined) {
    if (pcap === "-" && args.positionals[0] === "-")
      throw new UsageError("object and capture can't both be standard input");
    return readPcap(readInput(pcap), inputName(pcap)).map(({ bytes }) => ({ packet: bytes }));
  }
  const packet = hexOption(args, "packet");
  if (packet !== undefined) return [{ packet }];
  const context = hexOption(args, "context");
  return [context && { context }];
};

const verdictOf = ({ action, returnValue }: ProgramResult): string => action ?? `returned ${returnValue | 0}`;

const runAll = (
  program: LoadedProgram,
  inputs: readonly (RunInput | undefined)[],
  repeat: number,
  output: Output,
): Tally => {
  const tally: Tally = { runs: 0, times: [], verdicts: new Map(), last: undefined };
  const progress = new Progress(output);
  const total = repeat * inputs.length;
  for (let round = 0; round < repeat; round++) {
    for (const input of inputs) {
      const begin = performance.now();
      const result = program.run(input);
      if (tally.times.length < MAX_SAMPLES) tally.times.push(1e6 * (performance.now() - begin));
      tally.runs++;
      tally.last = result;
      const verdict = verdictOf(result);
      tally.verdicts.set(verdict, (tally.verdicts.get(verdict) ?? 0) + 1);
      progress.tick(() => `${tally.runs} of ${total} runs`);
    }
  }
  return tally;
};

/** What the program is run on, as the report names it: all of it, and one of it. */
interface InputNames {
  readonly all: string;
  readonly one: "packet" | "context";
}

const inputNames = (inputs: readonly unknown[], args: Arguments): InputNames => {
  const pcap = args.text("pcap");
  if (pcap !== undefined) {
    return { all: `${counted(inputs.length, "packet")} from ${inputName(pcap)}`, one: "packet" };
  }
  const one = args.text("packet") === undefined ? "context" : "packet";
  return { all: `one ${one}`, one };
};

const printVerdicts = (tally: Tally, output: Output): void => {
  const rows = [...tally.verdicts]
    .sort(([, a], [, b]) => b - a)
    .map(([verdict, count]) => [verdict, count, `${((100 * count) / tally.runs).toFixed(1).padStart(5)} %`]);
  output.line();
  for (const line of table(rows)) output.line(line);
  output.line();
};

interface RunReport {
  readonly program: LoadedProgram;
  readonly tally: Tally;
  readonly repeat: number;
  readonly names: InputNames;
}

const printReport = ({ program, tally, repeat, names }: RunReport, output: Output): void => {
  const { spec, report, times, engine } = program;
  const walked = report === undefined ? "not verified" : `verified in ${duration(1e6 * times.verify)}`;
  const prepared = engine === "jit" ? "compiled to WebAssembly" : "made ready to interpret";
  output.line(`${program.name} (${program.type}), ${counted(spec.instructions.length, "instruction")}`);
  output.line(`${walked}, ${prepared} in ${duration(1e6 * times.compile)}`);
  output.line(`ran on ${names.all}${repeat > 1 ? `, ${repeat} times` : ""}`);
  printVerdicts(tally, output);
  output.line(`  ${duration(medianTime(tally))} per ${names.one} (median, ${engine})`);
};

const jsonReport = (program: LoadedProgram, tally: Tally, maps: readonly MapContents[], collection: Collection) => ({
  program: program.name,
  type: program.type,
  engine: program.engine,
  verified: program.report !== undefined,
  instructions: program.spec.instructions.length,
  verifyMs: program.times.verify,
  compileMs: program.times.compile,
  runs: tally.runs,
  medianNs: medianTime(tally),
  verdicts: Object.fromEntries(tally.verdicts),
  last:
    tally.last === undefined
      ? null
      : { returnValue: tally.last.returnValue, r0: tally.last.r0, packet: tally.last.packet },
  maps: Object.fromEntries(maps.map(({ name, json }) => [name, json])),
  variables: Object.fromEntries(collection.variables.names.map((name) => [name, collection.variables.get(name)])),
});

const run = async (args: Arguments, output: Output): Promise<number> => {
  const repeat = args.count("repeat", 1) ?? 1;
  const inputs = inputsOf(args);
  const object = readObjectFile(args);
  const chosen = chosenProgram(object, args.text("program"));
  const collection = loadObject(object, {
    ...loadOptions(args, [chosen.name]),
    shouldAbort: new Progress(output).verifying(chosen.name),
    ...(args.text("program") === undefined ? {} : { programs: [chosen.name] }),
  });
  const program = collection.program(chosen.name);
  if (inputs.length === 0) throw new LoadError("NO_PROGRAM", `${args.text("pcap")} holds no packets to run on`);
  const tally = runAll(program, inputs, repeat, output);
  const maps = mapContents(collection, recordTypes(args.list("events")));
  if (args.flag("json")) {
    output.line(toJson(jsonReport(program, tally, maps, collection)));
    return EXIT.ok;
  }
  printReport({ program, tally, repeat, names: inputNames(inputs, args) }, output);
  printMaps(maps, collection, output);
  return EXIT.ok;
};

export const runCommand: Command = {
  name: "run",
  summary: "verify, compile and run a program",
  help: `ebpf run FILE [options]

Verifies a program of an object file, compiles it, runs it, and prints its verdicts and the contents of its maps.

  --program NAME       the program, when FILE holds several
  --pcap FILE          run on each packet of a capture (Ethernet, classic pcap)
  --packet HEX         run on one packet
  --context HEX        run on the bytes of a context structure (default: zeros)
  --repeat N           run on everything N times
  --events MAP=STRUCT  decode the records of a ring buffer or perf event array as this structure (repeatable)
${LOAD_OPTION_HELP}
${OBJECT_OPTION_HELP}
  --json               one JSON document`,
  options: {
    ...LOAD_OPTIONS,
    ...OBJECT_OPTIONS,
    program: { type: "string" },
    pcap: { type: "string" },
    packet: { type: "string" },
    context: { type: "string" },
    repeat: { type: "string" },
    events: { type: "string", multiple: true },
  },
  run,
};
