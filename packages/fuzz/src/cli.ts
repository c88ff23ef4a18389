import { join } from "node:path";
import { parseArgs } from "node:util";
import { bytesToHex, isEbpfError } from "@ebpf/core";
import { FuzzError } from "./errors.js";
import { type CaseJson, describeCase } from "./fuzz-case.js";
import {
  BYTE_TARGETS,
  type ByteTargetName,
  fuzz,
  fuzzBytes,
  ORACLES,
  readCases,
  readInputs,
  readSelftests,
  renderByteReport,
  renderReport,
  replay,
  writeCase,
  writeInput,
} from "./runner.js";

const OPTIONS = {
  oracle: { type: "string", default: "all" },
  time: { type: "string", default: "60" },
  seed: { type: "string", default: "1" },
  workers: { type: "string", default: "1" },
  corpus: { type: "string" },
  seeds: { type: "string" },
  replay: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const USAGE = `usage: pnpm fuzz [--oracle ${[...ORACLES, ...Object.keys(BYTE_TARGETS)].join("|")}|all] [--time SECONDS] [--seed N] [--workers N]
                 [--corpus DIR] [--seeds DIR] [--replay FILE|SEED:INDEX] [--json]`;

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (cause) {
    throw new FuzzError("BAD_OPTION", String(cause), { hint: USAGE, cause });
  }
};

const whole = (name: string, text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new FuzzError("BAD_OPTION", `--${name} ${text} is no whole number`, { hint: USAGE });
};

const BYTE_ORACLES = Object.keys(BYTE_TARGETS);
const ALL = [...ORACLES, ...BYTE_ORACLES];

const isByteTarget = (name: string): name is ByteTargetName => BYTE_ORACLES.includes(name);

const oraclesOf = (name: string): readonly string[] => {
  if (name === "all") return ALL;
  if (!ALL.includes(name)) throw new FuzzError("BAD_OPTION", `there is no oracle ${name}`, { hint: USAGE });
  return [name];
};

const replayOne = async (oracle: string, what: string, seeds: readonly CaseJson[]): Promise<number> => {
  const { case: fuzzCase, outcome } = await replay(oracle, what, seeds);
  console.log(describeCase(fuzzCase));
  if (outcome.kind !== "finding") {
    console.log(`${outcome.kind}: ${outcome.note}`);
    return 0;
  }
  console.log(`${outcome.finding.key}\n${outcome.finding.detail}`);
  return 1;
};

interface RunOptions {
  readonly time: number;
  readonly seed: number;
  readonly workers: number;
  readonly corpus: string | undefined;
  readonly seeds: readonly CaseJson[];
}

/** What the last line says of a run, and the report for people. */
interface Result {
  readonly runs: number;
  readonly findings: readonly object[];
  readonly text: string;
}

const runCases = async (oracle: string, { corpus, ...options }: RunOptions): Promise<Result> => {
  const report = await fuzz({
    oracle,
    ...options,
    ...(corpus !== undefined && {
      onFinding: (finding) => writeCase(join(corpus, "findings", oracle), finding.case),
      onInteresting: (fuzzCase) => writeCase(join(corpus, "cases"), fuzzCase),
    }),
  });
  return { runs: report.runs, findings: report.findings, text: renderReport(report) };
};

const runBytes = async (target: ByteTargetName, { corpus, time, seed }: RunOptions): Promise<Result> => {
  const report = await fuzzBytes({
    target,
    time,
    seed,
    ...(corpus !== undefined && {
      seeds: readInputs(join(corpus, target)),
      onFinding: ({ input }) => writeInput(join(corpus, "findings", target), input),
      onInteresting: (input) => writeInput(join(corpus, target), input),
    }),
  });
  const findings = report.findings.map(({ input, ...rest }) => ({ oracle: target, ...rest, input: bytesToHex(input) }));
  return { runs: report.runs, findings, text: renderByteReport(report) };
};

/** Runs the command line. Exit codes: 0 nothing found, 1 findings, 2 wrong usage. */
const main = async (args: readonly string[]): Promise<number> => {
  const { oracle, json, corpus, help, ...texts } = parse(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const oracles = oraclesOf(oracle);
  const seeds = [
    ...(corpus === undefined ? [] : readCases(join(corpus, "cases"))),
    ...(texts.seeds === undefined ? [] : readSelftests(texts.seeds)),
  ];
  if (texts.replay !== undefined) return replayOne(oracles[0]!, texts.replay, seeds);
  const time = whole("time", texts.time);
  const [seed, workers] = [whole("seed", texts.seed), Math.max(1, whole("workers", texts.workers))];
  const options: RunOptions = { time: time / oracles.length, seed, workers, corpus, seeds };
  const results: Result[] = [];
  for (const name of oracles) {
    const result = await (isByteTarget(name) ? runBytes(name, options) : runCases(name, options));
    results.push(result);
    if (!json) console.log(result.text);
  }
  const runs = results.reduce((sum, result) => sum + result.runs, 0);
  const findings = results.flatMap((result) => result.findings);
  console.log(JSON.stringify({ runs, rate: Math.round((runs / Math.max(1, time)) * 10) / 10, findings }));
  return findings.length === 0 ? 0 : 1;
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!isEbpfError(error)) throw error;
  console.error(`${error.code}: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`);
  process.exitCode = 2;
}
