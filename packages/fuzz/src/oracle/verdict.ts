import type { Kernel, KernelMap, LoadResult } from "@ebpf/kernel";
import { linuxRecorder, type MapSpec, type MapTypeName } from "@ebpf/platform";
import { type Report, verify } from "@ebpf/verifier";
import { FUZZ_MAPS } from "../arbitrary/maps.js";
import type { FuzzCase } from "../fuzz-case.js";
import { agree, crashOf, found, type Oracle, type Outcome, skip, withoutNumbers } from "./outcome.js";

const NAME = "verdict";
/** Milliseconds that our verifier may take. */
const TIME_LIMIT = 3000;
/** Instructions to walk at most: the kernel can't be stopped, so programs that need more are not loaded. */
const MAX_WALK = 200_000;

/** Codes that say nothing of the program: what is not modelled, and what ended early. */
const isNoVerdict = (code: string): boolean =>
  code.startsWith("UNSUPPORTED_") || code === "ABORTED" || code === "TOO_MANY_INSTRUCTIONS";

/** Lines of a log that are no message: statistics, source lines, states. */
const IS_NO_MESSAGE = /^(processed |verification time|stack depth|mark_precise|;|max_states|live regs|func#|$)/;

/** The kernel's last word on a program that it rejects. */
export const lastMessage = (log: string): string =>
  log
    .split("\n")
    .filter((line) => !IS_NO_MESSAGE.test(line))
    .at(-1) ?? "";

/** Maps that remember which type of program used them first, and refuse others. */
const HAS_OWNER: ReadonlySet<MapTypeName> = new Set(["prog_array", "devmap", "cpumap"]);

/** Real maps for those of generated programs, made when they are first needed. */
export class SharedMaps {
  readonly #kernel: Kernel;
  readonly #made = new Map<MapSpec, KernelMap>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The real maps that stand for those of a program; maps of its own are left to whoever loads it. */
  of({ spec }: FuzzCase): ReadonlyMap<MapSpec, KernelMap> {
    for (const [handle, map] of spec.maps) {
      if (FUZZ_MAPS.get(handle) !== map || HAS_OWNER.has(map.type) || this.#made.has(map)) continue;
      this.#made.set(map, this.#kernel.createMap(map));
    }
    return this.#made;
  }
}

const judge = ({ spec }: FuzzCase): Report => {
  const started = performance.now();
  return verify(spec, {
    platform: linuxRecorder,
    maxInstructions: MAX_WALK,
    shouldAbort: () => performance.now() - started > TIME_LIMIT,
  });
};

/** Both verdicts in one outcome. */
const compare = ({ verdict, rejection }: Report, { accepted, refusedBy, errorName, log }: LoadResult): Outcome => {
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
      const report = judge(fuzzCase);
      const code = report.rejection?.code ?? "";
      if (isNoVerdict(code)) return skip(code);
      return compare(report, kernel.load(fuzzCase.spec, { maps: shared.of(fuzzCase) }));
    } catch (thrown) {
      const { key, detail } = crashOf(thrown);
      return found(NAME, key, detail);
    }
  };
};
