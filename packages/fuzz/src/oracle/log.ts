import type { Kernel } from "@ebpf/kernel";
import { linuxRecorder } from "@ebpf/platform";
import { kernelLog } from "@ebpf/verifier";
import type { FuzzCase } from "../fuzz-case.js";
import { judge } from "./judge.js";
import { HAZARD, mayCrashKernel } from "./kernel-hazard.js";
import { agree, crashOf, found, type Oracle, type Outcome, skip } from "./outcome.js";
import { isKernelError, isNoVerdict, SharedMaps } from "./verdict.js";

const NAME = "log";
/** The log with the state at every instruction. */
const LEVEL = 2;
/** Lines before and behind a difference that a finding shows. */
const SHOWN = 3;
/** Bytes of the kernel's log; of a longer one only the end is there, so that it can't be compared. */
const MAX_LOG = 1 << 22;

/**
 * The lines that both sides write of a walk. Addresses are the kernel's own, and move the column that follows them; how
 * long it took is nobody's business.
 */
const linesOf = (log: string): string[] =>
  log
    .split("\n")
    .filter((line) => !/^(verification time|arg#\d+ reference type|Global function )/.test(line))
    .map((line) => line.replace(/(\(18\) r\d+ = )0x(?:[0-9a-f]{9,}|0)(?![0-9a-f])\s*/, "$1ADDRESS ").trimEnd());

/** A piece of a line without numbers and registers. */
const shapeOf = (text: string): string =>
  text
    .replace(/0x[0-9a-f]+|\d+/g, "N")
    .replace(/\b[rRwW]N/g, "R")
    .slice(0, 80);

/** What a line is about: an instruction by its opcode, liveness, or its first word. */
const subjectOf = (line: string): string => {
  const opcode = /^\d+: (\([0-9a-f]{2}\))/.exec(line)?.[1];
  if (opcode !== undefined) return opcode;
  return /^ +\d+: [.0-9]{10}/.test(line) ? "live registers" : shapeOf(line.split(" ")[0]!);
};

/** What differs, for keys: the subject of the line, and the first words that aren't the same. */
const differenceOf = (kernel: string, ours: string): string => {
  const subject = subjectOf(kernel);
  if (subject === "live registers" && subjectOf(ours) === subject) return subject;
  const [theirs, own] = [kernel.split(/ +/), ours.split(/ +/)];
  const at = theirs.findIndex((word, index) => word !== own[index]);
  const rest = (words: readonly string[]): string =>
    shapeOf(
      words
        .slice(at < 0 ? theirs.length : at)
        .slice(0, 3)
        .join(" "),
    );
  return `${subject} ${rest(theirs)} | ${rest(own)}`;
};

/** The first line that differs, as a finding. */
const compare = (theirs: readonly string[], ours: readonly string[]): Outcome => {
  const at = theirs.findIndex((line, index) => line !== ours[index]);
  if (at < 0) return agree("same log");
  const around = (lines: readonly string[]): string => [...lines, "(the end)"].slice(at, at + SHOWN).join("\n");
  const before = theirs.slice(Math.max(0, at - SHOWN), at).join("\n");
  const detail = `line ${at + 1}\n${before}\nkernel:\n${around(theirs)}\nours:\n${around(ours)}`;
  return found(NAME, differenceOf(theirs[at]!, ours[at] ?? "(the end)"), detail);
};

/** Our log of a program as kernels write it is, line by line, the one that this kernel writes. */
export const logOracle = (kernel: Kernel): Oracle => {
  const shared = new SharedMaps(kernel);
  const check = (fuzzCase: FuzzCase): Outcome => {
    const { spec } = fuzzCase;
    if (mayCrashKernel(spec)) return skip(HAZARD);
    const text: string[] = [];
    const options = { level: LEVEL, platform: linuxRecorder } as const;
    const { rejection } = judge(spec, { onEvent: kernelLog(spec, (piece) => text.push(piece), options) });
    if (rejection !== undefined && isNoVerdict(rejection.code)) return skip(rejection.code);
    const load = kernel.load(spec, { maps: shared.of(fuzzCase), logLevel: LEVEL, maxLogBytes: MAX_LOG });
    if (load.refusedBy === "loader") return skip(`environment: ${load.errorName}`);
    if (load.logTruncated) return skip("a long log");
    if (load.log.includes("verifier bug")) return skip("the kernel's own bug");
    return compare(linesOf(load.log), linesOf(text.join("")));
  };
  return (fuzzCase) => {
    try {
      return check(fuzzCase);
    } catch (thrown) {
      if (isKernelError(thrown)) return skip(thrown.message);
      const { key, detail } = crashOf(thrown);
      return found(NAME, key, detail);
    }
  };
};
