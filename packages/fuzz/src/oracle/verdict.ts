import { isEbpfError } from "@ebpf/core";
import type { Kernel, KernelMap, LoadResult } from "@ebpf/kernel";
import type { MapSpec, MapTypeName } from "@ebpf/platform";
import type { Report } from "@ebpf/verifier";
import type { FuzzCase } from "../fuzz-case.js";
import { judge } from "./judge.js";
import { HAZARD, mayCrashKernel } from "./kernel-hazard.js";
import { agree, crashOf, found, type Oracle, type Outcome, skip, withoutNumbers } from "./outcome.js";

const NAME = "verdict";
/** Codes that say nothing of the program: what is not modelled, and what ended early. */
export const isNoVerdict = (code: string): boolean =>
  code.startsWith("UNSUPPORTED_") || code === "ABORTED" || code === "TOO_MANY_INSTRUCTIONS";

/** Lines of a log that are no message: statistics, source lines, states. */
const IS_NO_MESSAGE = /^(processed |verification time|stack depth|mark_precise|;|max_states|live regs|func#|$)/;

/** The kernel's last word on a program that it rejects. */
export const lastMessage = (log: string): string =>
  log
    .split("\n")
    .filter((line) => !IS_NO_MESSAGE.test(line))
    .at(-1) ?? "";

/** What the kernel package throws, which is imported only when it is used: what is no verdict. */
export const isKernelError = (thrown: unknown): thrown is Error => isEbpfError(thrown) && thrown.name === "KernelError";

/** Maps that remember which type of program used them first, and refuse others. */
const HAS_OWNER: ReadonlySet<MapTypeName> = new Set(["prog_array", "devmap", "cpumap"]);

/** Maps that are kept open at most. */
const MAX_MAPS = 500;

/** Real maps for those of programs, each made once and used by all programs that name the same one. */
export class SharedMaps {
  readonly #kernel: Kernel;
  readonly #made = new Map<MapSpec, KernelMap>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The real maps that stand for those of a program; those that can't be shared are left to whoever loads it. */
  of({ spec }: FuzzCase): ReadonlyMap<MapSpec, KernelMap> {
    for (const map of spec.maps.values()) {
      if (HAS_OWNER.has(map.type) || this.#made.has(map) || this.#made.size >= MAX_MAPS) continue;
      this.#made.set(map, this.#kernel.createMap(map));
    }
    return this.#made;
  }
}

/** Both verdicts in one outcome. */
const compare = ({ verdict, rejection }: Report, { accepted, refusedBy, errorName, log }: LoadResult): Outcome => {
  if (!accepted && log.includes("verifier bug")) return skip("the kernel's own bug");
  if (!accepted && refusedBy !== "verifier") return skip(`environment: ${errorName}`);
  const kernelMessage = lastMessage(log);
  if (verdict === "accept") {
    if (accepted) return agree("accepted");
    return found(
      NAME,
      `false accept: ${withoutNumbers(kernelMessage) || `no message, ${errorName}`}`,
      `the kernel: ${kernelMessage} (${errorName})`,
    );
  }
  const { code, message, pc } = rejection!;
  if (!accepted) return agree(`rejected, ${log.includes(message) ? "same message" : "other message"}`);
  return found(NAME, `false reject: ${code}: ${withoutNumbers(message)}`, `our verifier at pc ${pc}: ${message}`);
};

/** Our verdict is that of the kernel. What our verifier doesn't model, and what only the environment decides, is skipped. */
export const verdictOracle = (kernel: Kernel): Oracle => {
  const shared = new SharedMaps(kernel);
  return (fuzzCase) => {
    try {
      if (mayCrashKernel(fuzzCase.spec)) return skip(HAZARD);
      const report = judge(fuzzCase.spec);
      const code = report.rejection?.code ?? "";
      if (isNoVerdict(code)) return skip(code);
      return compare(report, kernel.load(fuzzCase.spec, { maps: shared.of(fuzzCase) }));
    } catch (thrown) {
      if (isKernelError(thrown)) return skip(withoutNumbers(thrown.message));
      const { key, detail } = crashOf(thrown);
      return found(NAME, key, detail);
    }
  };
};
