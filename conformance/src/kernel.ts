import { join } from "node:path";
import type { Btf } from "@ebpf/btf";
import { linuxRecorder } from "@ebpf/platform";
import { type Report, verify } from "@ebpf/verifier";
import { ConformanceError } from "./errors.js";
import { type KernelRecord, programOf, readBtfs, readRecords } from "./kernel-records.js";
import { parseOptions, writeDetails } from "./options.js";

/** How our verdict on one program compares with the kernel's. */
export interface KernelOutcome {
  readonly id: number;
  readonly object: string;
  readonly program: string;
  /** What Linux said; `environment` when it refused without looking at the program. */
  readonly kernel: string;
  readonly ours: "accept" | "reject" | "unsupported" | "crashed" | "timeout";
  readonly code?: string;
  readonly message?: string;
  readonly kernelMessage?: string;
  readonly insns: number | null;
  readonly ourInsns: number;
  /** Microseconds. */
  readonly us: number;
}

/** Counts over all programs; `agree` is where both accept or both reject. */
export interface KernelSummary {
  readonly total: number;
  /** Programs that the kernel refused before it verified them: outside of every other count but `total`. */
  readonly environment: number;
  readonly agree: number;
  readonly falseAccept: number;
  readonly falseReject: number;
  readonly unsupported: number;
  readonly crashed: number;
  readonly timeout: number;
  readonly messageAgree: number;
  readonly rejectsCompared: number;
}

/** Milliseconds that one program may take. */
const TIME_LIMIT = 20_000;

const oursOf = ({ verdict, rejection }: Report): KernelOutcome["ours"] => {
  if (verdict === "accept") return "accept";
  if (rejection?.code === "ABORTED") return "timeout";
  return rejection?.code.startsWith("UNSUPPORTED_") ? "unsupported" : "reject";
};

/** Lines of a log that say something of the program and not of its source or its signature. */
const comparable = (messages: readonly string[]): string[] =>
  messages.filter((line) => !/^(;|arg#|Global function )/.test(line));

/** A rejection without a log came before verification, from a program type or a map that the machine didn't have. */
const kernelVerdict = ({ kernel }: KernelRecord): string =>
  kernel.verdict === "reject" && kernel.msgs.length === 0 ? "environment" : kernel.verdict;

const judge = (
  record: KernelRecord,
  btfs: ReadonlyMap<string, Btf>,
  { maxInstructions }: CompareOptions,
): KernelOutcome => {
  const started = performance.now();
  const base = {
    id: record.id,
    object: record.object,
    program: record.program,
    kernel: kernelVerdict(record),
    kernelMessage: comparable(record.kernel.msgs).join("\n"),
    insns: record.kernel.processed_insns,
  };
  const us = (): number => Math.round((performance.now() - started) * 1000);
  try {
    const report = verify(programOf(record, btfs), {
      platform: linuxRecorder,
      ...(maxInstructions !== undefined && { maxInstructions }),
      shouldAbort: () => performance.now() - started > TIME_LIMIT,
    });
    const { code, message } = report.rejection ?? {};
    const ourInsns = report.statistics.processedInstructions;
    return { ...base, ours: oursOf(report), ...(code && { code }), ...(message && { message }), ourInsns, us: us() };
  } catch (error) {
    // A crash is a finding: it is counted, and the next program gets its turn.
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...base, ours: "crashed", message, ourInsns: 0, us: us() };
  }
};

/** Counts outcomes. */
export const summarize = (outcomes: readonly KernelOutcome[]): KernelSummary => {
  const count = (test: (outcome: KernelOutcome) => boolean): number => outcomes.filter(test).length;
  const bothReject = outcomes.filter(({ ours, kernel }) => ours === "reject" && kernel === "reject");
  return {
    total: outcomes.length,
    environment: count(({ kernel }) => kernel === "environment"),
    agree: count(({ ours, kernel }) => ours === kernel),
    falseAccept: count(({ ours, kernel }) => ours === "accept" && kernel === "reject"),
    falseReject: count(({ ours, kernel }) => ours === "reject" && kernel === "accept"),
    unsupported: count(({ ours }) => ours === "unsupported"),
    crashed: count(({ ours }) => ours === "crashed"),
    timeout: count(({ ours }) => ours === "timeout"),
    messageAgree: bothReject.filter(({ message, kernelMessage }) => message === kernelMessage).length,
    rejectsCompared: bothReject.length,
  };
};

export interface CompareOptions {
  /** Only records whose BTF need is this; `all` for every one. */
  readonly need: string;
  /** Instructions to walk at most; programs that need more are rejected. */
  readonly maxInstructions?: number;
}

/** Verifies every recorded program of a folder, and compares verdicts. */
export const compareWithKernel = (directory: string, options: CompareOptions): KernelOutcome[] => {
  const { need } = options;
  const records = readRecords(directory).filter(
    ({ btf_need, kernel }) =>
      (need === "all" || btf_need === need) && (kernel.verdict === "accept" || kernel.verdict === "reject"),
  );
  const btfs = readBtfs(directory);
  return records.map((record) => judge(record, btfs, options));
};

const NEEDS = ["none", "kfunc", "attach_btf", "btf_ptr_helper", "ksym_btf", "all"];

const OPTIONS = {
  dir: { type: "string" },
  need: { type: "string", default: "none" },
  details: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/**
 * `conformance kernel [--dir DIR] [--need none|kfunc|all] [--details FILE] [--json]`
 *
 * @param corpora the folder that holds the default `kernel-selftests`
 * @returns the exit code: 0 when nothing was accepted wrongly and nothing crashed
 */
export const runKernel = async (args: readonly string[], corpora: string): Promise<number> => {
  const values = parseOptions(args, OPTIONS);
  if (!NEEDS.includes(values.need)) {
    throw new ConformanceError("USAGE", `--need ${values.need}: no such need`, `use one of ${NEEDS.join(", ")}`);
  }
  const outcomes = compareWithKernel(values.dir ?? join(corpora, "kernel-selftests"), { need: values.need });
  if (values.details !== undefined) writeDetails(values.details, outcomes);
  const summary = summarize(outcomes);
  if (!values.json) {
    for (const { object, program, message } of outcomes.filter(
      ({ ours, kernel }) => ours === "accept" && kernel === "reject",
    )) {
      console.log(`false accept: ${object} ${program}${message === undefined ? "" : ` ${message}`}`);
    }
  }
  console.log(JSON.stringify(summary));
  return summary.falseAccept === 0 && summary.crashed === 0 ? 0 : 1;
};
