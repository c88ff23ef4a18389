import { join } from "node:path";
import { parseArgs } from "node:util";
import { isEbpfError } from "@ebpf/core";
import { FuzzError } from "./errors.js";
import { type CaseJson, describeCase } from "./fuzz-case.js";
import { type FuzzReport, fuzz, ORACLES, readCases, readSelftests, renderReport, replay, writeCase } from "./runner.js";

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

const USAGE = `usage: pnpm fuzz [--oracle ${ORACLES.join("|")}|all] [--time SECONDS] [--seed N] [--workers N]
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

const oraclesOf = (name: string): readonly string[] => {
  if (name === "all") return ORACLES;
  if (!ORACLES.includes(name)) throw new FuzzError("BAD_OPTION", `there is no oracle ${name}`, { hint: USAGE });
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
  const [time, seed, workers] = [whole("time", texts.time), whole("seed", texts.seed), whole("workers", texts.workers)];
  const reports: FuzzReport[] = [];
  for (const name of oracles) {
    const report = await fuzz({
      oracle: name,
      time: time / oracles.length,
      seed,
      workers: Math.max(1, workers),
      seeds,
      ...(corpus !== undefined && {
        onFinding: (finding) => writeCase(join(corpus, "findings", name), finding.case),
        onInteresting: (fuzzCase) => writeCase(join(corpus, "cases"), fuzzCase),
      }),
    });
    reports.push(report);
    if (!json) console.log(renderReport(report));
  }
  const runs = reports.reduce((sum, report) => sum + report.runs, 0);
  const findings = reports.flatMap((report) => report.findings);
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
