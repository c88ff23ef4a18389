import { join } from "node:path";
import type { Btf } from "@ebpf/btf";
import { linuxRecorder } from "@ebpf/platform";
import { kernelLog, verify } from "@ebpf/verifier";
import { type KernelRecord, programOf, readBtfs, readRecords } from "./kernel-records.js";
import { parseOptions, writeDetails } from "./options.js";

/** How our log of one program compares with the kernel's. */
export interface LogOutcome {
  readonly id: number;
  readonly object: string;
  readonly program: string;
  /** Lines that are equal from the start. */
  readonly equal: number;
  /** Lines of the kernel's log, or of its part before a cut. */
  readonly lines: number;
  /** The first lines that differ; absent when none does. */
  readonly kernel?: string;
  readonly ours?: string;
}

/** Where the recorder cut the middle out of a long log. */
const CUT = "...[cut]...";

/**
 * What isn't of the walk: source lines, which aren't in the records, and notes on the signature of the program's entry.
 * Addresses aren't in the records either; they move the column that follows them.
 */
const comparable = (log: string): string[] =>
  log
    .split("\n")
    .filter((line) => !/^; |^arg#\d+ reference type|^Global function .* doesn't return scalar/.test(line))
    .map((line) => line.replace(/(\(18\) r\d+ = )0x(?:PTR|0)(?![0-9a-f])\s*/, "$1ADDRESS ").trimEnd());

const compare = (record: KernelRecord, btfs: ReadonlyMap<string, Btf>): LogOutcome => {
  const { id, object, program, kernel } = record;
  const whole = comparable(kernel.log ?? "");
  const cut = whole.findIndex((line) => line.includes(CUT));
  const theirs = cut < 0 ? whole : whole.slice(0, cut);
  const spec = programOf(record, btfs);
  const text: string[] = [];
  let lines = 0;
  const write = (piece: string): void => {
    if (lines <= theirs.length) text.push(piece);
    lines += piece.split("\n").length - 1;
  };
  verify(spec, {
    platform: linuxRecorder,
    onEvent: kernelLog(spec, write, { level: 2, platform: linuxRecorder }),
    shouldAbort: () => lines > theirs.length,
  });
  const ours = comparable(text.join(""));
  const at = theirs.findIndex((line, index) => line !== ours[index]);
  const base = { id, object, program, lines: theirs.length, equal: at < 0 ? theirs.length : at };
  return at < 0 ? base : { ...base, kernel: theirs[at]!, ours: ours[at] ?? "" };
};

/** The shape of a line: its text without numbers. */
const shapeOf = ({ kernel = "", ours = "" }: LogOutcome): string => {
  const shape = (line: string): string => line.replace(/0x[0-9a-f]+|\d+/g, "N").slice(0, 100);
  return `${shape(kernel)}  |  ${shape(ours)}`;
};

const OPTIONS = {
  dir: { type: "string" },
  id: { type: "string" },
  need: { type: "string", default: "none" },
  details: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

const printGroups = (different: readonly LogOutcome[]): void => {
  const groups = new Map<string, LogOutcome[]>();
  for (const outcome of different) {
    const shape = shapeOf(outcome);
    groups.set(shape, [...(groups.get(shape) ?? []), outcome]);
  }
  for (const [, group] of [...groups].sort(([, a], [, b]) => b.length - a.length)) {
    const [first] = group;
    console.log(`${group.length} × ${first!.id} ${first!.program}, line ${first!.equal + 1}`);
    console.log(`  kernel: ${first!.kernel}\n  ours:   ${first!.ours}`);
  }
};

/**
 * `conformance log [--dir DIR] [--id N] [--need none|kfunc|all] [--details FILE] [--json]`: compares our log with the
 * kernel's, line by line up to the first that differs.
 *
 * @param corpora the folder that holds the default `kernel-selftests`
 * @returns the exit code: 0 when no log differs
 */
export const runLog = async (args: readonly string[], corpora: string): Promise<number> => {
  const { dir = join(corpora, "kernel-selftests"), id, need, details, json } = parseOptions(args, OPTIONS);
  const records = readRecords(dir).filter(
    (record) =>
      (record.kernel.verdict === "accept" || record.kernel.verdict === "reject") &&
      record.kernel.log_level === 2 &&
      // Of very long logs only the end was kept.
      record.kernel.log_truncated !== true &&
      (id === undefined ? need === "all" || record.btf_need === need : record.id === Number(id)),
  );
  const btfs = readBtfs(dir);
  const outcomes = records.map((record) => compare(record, btfs));
  const different = outcomes.filter(({ kernel }) => kernel !== undefined);
  if (details !== undefined) writeDetails(details, outcomes);
  if (!json) printGroups(different);
  console.log(JSON.stringify({ total: outcomes.length, equal: outcomes.length - different.length }));
  return different.length === 0 ? 0 : 1;
};
