import { join } from "node:path";
import { PROGRAM_TYPES } from "@ebpf/platform";
import { COMPARE_OPTIONS, exitCodeOf, judgeAll, parseJobs, printComparison } from "./compare.js";
import { environmentOf } from "./environment.js";
import { ConformanceError } from "./errors.js";
import { type KernelRecord, readBtfFiles, readRecords } from "./kernel-records.js";
import { parseOptions, writeDetails } from "./options.js";
import { type KernelVerdict, outcomeOf, summarize } from "./outcome.js";
import type { VerdictJob } from "./verdict-worker.js";

/** True for a row with a verdict to compare with. */
export const hasVerdict = ({ verdict }: { readonly verdict: string }): boolean =>
  verdict === "accept" || verdict === "reject";

/** What a record says. */
export const recordedVerdict = ({ kernel, prog_type, maps = [] }: KernelRecord): KernelVerdict => {
  const { verdict, msgs: messages, errno = 0, processed_insns: instructions } = kernel;
  const missingMaps = new Set(maps.filter(({ error }) => error !== undefined).map(({ fd }) => fd));
  const type = PROGRAM_TYPES[prog_type] ?? "unspec";
  const environment = verdict === "reject" ? environmentOf({ errno, messages, type, missingMaps }) : undefined;
  return { verdict, messages, instructions, environment };
};

const NEEDS = ["none", "kfunc", "attach_btf", "btf_ptr_helper", "ksym_btf", "all"];

const OPTIONS = { ...COMPARE_OPTIONS, need: { type: "string", default: "none" } } as const;

/**
 * `conformance kernel [--dir DIR] [--need none|kfunc|all] [--json] [--details FILE] [--live] [--jobs N]`
 *
 * @param corpora the folder that holds the default `kernel-selftests`
 * @returns the exit code: 0 when nothing was accepted wrongly and nothing crashed
 * @throws ConformanceError `USAGE`, `NOT_FOUND`, `BAD_CASE`; KernelError `UNAVAILABLE` when the kernel is asked live
 */
export const runKernel = async (args: readonly string[], corpora: string): Promise<number> => {
  const { need, live, ...values } = parseOptions(args, OPTIONS);
  if (!NEEDS.includes(need)) {
    throw new ConformanceError("USAGE", `--need ${need}: no such need`, `use one of ${NEEDS.join(", ")}`);
  }
  const jobs = parseJobs(values.jobs);
  const directory = values.dir ?? join(corpora, "kernel-selftests");
  const records = readRecords(directory).filter(({ btf_need = "none" }) => need === "all" || btf_need === need);
  const compared = records.filter(({ kernel }) => hasVerdict(kernel));
  const btfs = readBtfFiles(directory);
  const results = await judgeAll(
    compared.map((record): VerdictJob => ({ kind: "record", live, ...jobParts(record, btfs) })),
    jobs,
  );
  const outcomes = compared.map((record, i) => {
    const { judgement, live: asked } = results[i]!;
    return outcomeOf(record, asked ?? recordedVerdict(record), judgement);
  });
  if (values.details !== undefined) writeDetails(values.details, outcomes);
  const summary = summarize(outcomes, records.length - compared.length);
  const differing = compared.filter(({ kernel }, i) => {
    const { environment, kernel: asked } = outcomes[i]!;
    return environment === undefined && kernel.verdict !== asked;
  }).length;
  printComparison(outcomes, { ...summary, ...(live && { recordDiffers: differing }) }, values.json);
  return exitCodeOf(summary);
};

/** What a worker needs of a record; the recorded log is long, and stays here. */
const jobParts = (record: KernelRecord, btfs: ReadonlyMap<string, Uint8Array>) => {
  const { log: _, ...kernel } = record.kernel;
  return { record: { ...record, kernel }, btf: record.btf === undefined ? undefined : btfs.get(record.btf) };
};
