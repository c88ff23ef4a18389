import { Kernel } from "@ebpf/kernel";
import { ConformanceError } from "./errors.js";
import { unverified } from "./judgement.js";
import { type Class, classOf, type Outcome, type Summary } from "./outcome.js";
import { type JobEnd, runJobs } from "./pool.js";
import type { VerdictJob, VerdictResult } from "./verdict-worker.js";

/** Milliseconds that verifying one program may take. */
const TIME_LIMIT = 20_000;

/** Megabytes of heap for a worker. */
const MEMORY_LIMIT = 4096;

const resultOf = (end: JobEnd<VerdictResult>): VerdictResult => {
  if (end.kind === "done") return end.result;
  const message = end.kind === "timeout" ? `not done after ${TIME_LIMIT / 1000} s` : end.message;
  return { judgement: unverified(end.kind, message) };
};

/**
 * Has programs verified in worker threads, which run from the build; in the jobs' order.
 *
 * @throws KernelError `UNAVAILABLE` when the running kernel is to be asked, and can't be
 */
export const judgeAll = async (jobs: readonly VerdictJob[], size: number): Promise<readonly VerdictResult[]> => {
  if (jobs.some(({ live }) => live)) (await Kernel.open())[Symbol.dispose]();
  const script = new URL("./verdict-worker.js", import.meta.url);
  const ends = await runJobs<VerdictJob, VerdictResult>(jobs, {
    script,
    size,
    timeLimit: TIME_LIMIT,
    memoryLimit: MEMORY_LIMIT,
  });
  return ends.map(resultOf);
};

/** The options that all comparisons with the kernel have. */
export const COMPARE_OPTIONS = {
  dir: { type: "string" },
  details: { type: "string" },
  json: { type: "boolean", default: false },
  live: { type: "boolean", default: false },
  jobs: { type: "string", default: "2" },
} as const;

/** The number of workers. @throws ConformanceError `USAGE` */
export const parseJobs = (text: string): number => {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 64) return jobs;
  throw new ConformanceError("USAGE", `--jobs ${text}: no number of workers from 1 to 64`);
};

/** What is told of a single program, and how; agreement isn't. */
const LISTED: Readonly<Partial<Record<Class, string>>> = {
  falseAccept: "FALSE ACCEPT",
  falseReject: "false reject",
  crashed: "CRASHED",
  timeout: "TIMEOUT",
  environment: "environment",
};

const listing = (outcome: Outcome): string[] => {
  const title = LISTED[classOf(outcome)];
  if (title === undefined) return [];
  const { id, object, program, environment, ours, message, kernelMessage, code } = outcome;
  const reason = environment ?? (ours === "accept" ? kernelMessage : `${code ?? ""} ${message ?? ""}`);
  return [`${title}: ${id} ${object} ${program}: ${(reason ?? "").trim().split("\n").at(-1)}`];
};

/** What rows of a table of verdicts against each other. */
const table = (outcomes: readonly Outcome[]): string[] => {
  const columns = ["accept", "reject", "unsupported", "crashed", "timeout"] as const;
  const rows = ["accept", "reject", "environment"] as const;
  const kernelOf = ({ kernel, environment }: Outcome): string => (environment === undefined ? kernel : "environment");
  const oursOf = ({ ours }: Outcome): string => (ours === "unreadable" ? "unsupported" : ours);
  const cell = (row: string, column: string): number =>
    outcomes.filter((outcome) => kernelOf(outcome) === row && oursOf(outcome) === column).length;
  const line = (title: string, cells: readonly (string | number)[]): string =>
    title.padEnd(20) + cells.map((text) => `${text}`.padStart(12)).join("");
  return [
    line("kernel ╲ ours", columns),
    ...rows.map((row) =>
      line(
        row,
        columns.map((column) => cell(row, column)),
      ),
    ),
  ];
};

/** Prints what differs, and the counts: a table, or one JSON object as the last line. */
export const printComparison = (
  outcomes: readonly Outcome[],
  summary: Summary & Readonly<Record<string, number>>,
  json: boolean,
): void => {
  for (const line of outcomes.flatMap(listing)) console.log(line);
  if (json) {
    console.log(JSON.stringify(summary));
    return;
  }
  for (const line of table(outcomes)) console.log(line);
  const { agree, total, environment, messageAgree, rejectsCompared, skipped } = summary;
  console.log(`${agree} of ${total} verdicts agree; ${environment} were the environment's, ${skipped} rows skipped`);
  console.log(`${messageAgree} of ${rejectsCompared} common rejections have the same messages`);
};

/** 0 when nothing was accepted wrongly and nothing crashed. */
export const exitCodeOf = ({ falseAccept, crashed }: Summary): number => (falseAccept === 0 && crashed === 0 ? 0 : 1);
