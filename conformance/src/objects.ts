import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM_TYPES } from "@ebpf/platform";
import { COMPARE_OPTIONS, exitCodeOf, judgeAll, parseJobs, printComparison } from "./compare.js";
import { environmentOf } from "./environment.js";
import { ConformanceError } from "./errors.js";
import { checkShape, parseLines } from "./json-lines.js";
import { hasVerdict } from "./kernel.js";
import { parseOptions, writeDetails } from "./options.js";
import { type KernelVerdict, type Outcome, outcomeOf, summarize } from "./outcome.js";
import type { VerdictJob } from "./verdict-worker.js";

/** A program of an object, with what Linux said. A line of the corpora's `objects/verdicts.jsonl`. */
interface ObjectRecord {
  readonly object: string;
  readonly section: string | null;
  readonly program: string | null;
  readonly prog_type?: number | null;
  /** True when the section's name says no type, and the recorder chose one. */
  readonly type_guessed?: boolean;
  readonly kernel_6_18?: {
    readonly verdict: string;
    readonly errno?: number | null;
    readonly why?: string | null;
    readonly environment?: boolean;
    readonly processed_insns?: number | null;
  };
}

const checkRecord = (value: unknown, where: string): ObjectRecord => {
  checkShape(value, { object: "string" }, where);
  const record = value as unknown as ObjectRecord;
  if (record.kernel_6_18 !== undefined) checkShape(record.kernel_6_18, { verdict: "string" }, `${where}: kernel_6_18`);
  return record;
};

/** Lines of `verdicts.jsonl` with what Linux said; the others only have the verdicts of other verifiers. */
type Recorded = ObjectRecord & Required<Pick<ObjectRecord, "kernel_6_18">>;

const recordedVerdict = ({ kernel_6_18: kernel, prog_type }: Recorded): KernelVerdict => {
  const { verdict, errno, why, environment } = kernel;
  const messages = why ? why.split("\n") : [];
  const type = PROGRAM_TYPES[prog_type ?? 0] ?? "unspec";
  // The last line of a log is all that is recorded, and not even that where it was nothing but numbers.
  const refusal = {
    errno: errno ?? 0,
    messages: messages.length === 0 ? [""] : messages,
    type,
    missingMaps: new Set<number>(),
  };
  const reason = verdict === "reject" ? environmentOf(refusal) : undefined;
  return {
    verdict,
    messages,
    lastMessageOnly: true,
    instructions: kernel.processed_insns ?? null,
    environment: reason ?? (environment === true ? "so the record says" : undefined),
  };
};

const readVerdicts = (directory: string): ObjectRecord[] => {
  const path = join(directory, "verdicts.jsonl");
  if (!existsSync(path)) throw new ConformanceError("NOT_FOUND", `${path} is not there`);
  return parseLines(readFileSync(path, "utf8"), path, checkRecord);
};

const readObjectFile = (directory: string, object: string): Uint8Array => {
  try {
    return new Uint8Array(readFileSync(join(directory, object)));
  } catch (error) {
    throw new ConformanceError("NOT_FOUND", `${object} can't be read: ${(error as Error).message}`);
  }
};

/**
 * Where a loader failed before the verifier could say anything, whether we refuse the program too: in reading it, or as
 * programs whose maps can't be.
 */
const refusalsAgree = (outcomes: readonly Outcome[]): number =>
  outcomes.filter(({ ours }) => ours === "unreadable" || ours === "reject").length;

/** Verdicts of a loader, not of a verifier. */
const LOADER_FAILURES = ["open_fail", "load_error"];

/**
 * `conformance objects [--dir DIR] [--json] [--details FILE] [--live] [--jobs N]`: as `conformance kernel`, for a folder of
 * object files with a `verdicts.jsonl`.
 *
 * @param corpora the folder that holds the default `objects`
 * @returns the exit code: 0 when nothing was accepted wrongly and nothing crashed
 * @throws ConformanceError `USAGE`, `NOT_FOUND`, `BAD_CASE`; KernelError `UNAVAILABLE` when the kernel is asked live
 */
export const runObjects = async (args: readonly string[], corpora: string): Promise<number> => {
  const { live, ...values } = parseOptions(args, COMPARE_OPTIONS);
  const jobs = parseJobs(values.jobs);
  const directory = values.dir ?? join(corpora, "objects");
  const all = readVerdicts(directory);
  const recorded = all.filter((record): record is Recorded => record.kernel_6_18 !== undefined);
  const results = await judgeAll(
    recorded.map((record): VerdictJob => jobOf(record, readObjectFile(directory, record.object), live)),
    jobs,
  );
  const outcomes = recorded.map((record, i) => {
    const { judgement, live: asked } = results[i]!;
    const { object, section, program } = record;
    const identity = { id: `${object}:${section ?? ""}:${program ?? ""}`, object, program: program ?? "" };
    return outcomeOf(identity, asked ?? recordedVerdict(record), judgement);
  });
  if (values.details !== undefined) writeDetails(values.details, outcomes);
  const compared = outcomes.filter((_, i) => hasVerdict(recorded[i]!.kernel_6_18));
  const failures = outcomes.filter((_, i) => LOADER_FAILURES.includes(recorded[i]!.kernel_6_18.verdict));
  for (const { id, ours, message } of failures) console.log(`not loaded: ${id}: ${ours} ${message ?? ""}`.trimEnd());
  const summary = {
    ...summarize(compared, all.length - compared.length),
    openFailures: failures.length,
    openFailuresAgree: refusalsAgree(failures),
  };
  printComparison(compared, summary, values.json);
  return exitCodeOf(summary);
};

const jobOf = (
  { object, section, program, prog_type, type_guessed }: Recorded,
  bytes: Uint8Array,
  live: boolean,
): VerdictJob => ({
  kind: "object",
  live,
  path: object,
  bytes,
  section,
  program,
  programType: prog_type ?? undefined,
  typeGuessed: type_guessed === true,
});
