import { linux, type Platform, type ProgramSpec } from "@ebpf/platform";
import { globalEntry } from "./call/global.js";
import { checkMaps } from "./program/maps.js";
import { type Program, prepare } from "./program/program.js";
import { checkRecursion, checkStackDepth } from "./program/stack-depth.js";
import { Explored, endPath, type Pruning } from "./prune/explored.js";
import { diagnose } from "./report/diagnostic.js";
import { Rejection, reject } from "./report/reject.js";
import type { Diagnostic, Report } from "./report/report.js";
import { pointerRegister } from "./state/register.js";
import { FRAME_POINTER, Frame, State } from "./state/state.js";
import { step } from "./step.js";
import { Walk } from "./walk.js";

/** What the walk tells while it goes. The state may be looked at, but not kept: it changes with the next instruction. */
export type WalkEvent =
  | { readonly kind: "instruction"; readonly pc: number; readonly state: State }
  | { readonly kind: "branch"; readonly from: number; readonly pc: number; readonly state: State }
  | { readonly kind: "pruned"; readonly pc: number };

export interface VerifyOptions {
  /** What the program may rely on; Linux by default. */
  readonly platform?: Platform;
  /** Instructions to walk at most; the platform's limit by default. */
  readonly maxInstructions?: number;
  /**
   * When a state is taken for walked. `linux`, the default: as Linux does, by what code from there on relies on. `exact`:
   * only when everything in it was walked before, so that every concrete run stays inside the states seen at each pc.
   */
  readonly pruning?: Pruning;
  /** Called for every event, as it happens. */
  readonly onEvent?: (event: WalkEvent) => void;
  /** Asked from time to time; `true` ends verification with code `ABORTED`. */
  readonly shouldAbort?: () => boolean;
}

/** Instructions between two questions whether to abort. */
const ABORT_INTERVAL = 1024;

const initialState = (): State => {
  const frame = new Frame(0, 0, -1);
  frame.registers[1] = pointerRegister("ctx");
  frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: 0 });
  return new State([frame]);
};

const checkBudget = (walk: Walk, { maxInstructions, shouldAbort }: VerifyOptions): void => {
  walk.processed++;
  const limit = Math.min(maxInstructions ?? Number.POSITIVE_INFINITY, walk.platform.limits.instructions);
  if (walk.processed > limit) {
    reject("TOO_MANY_INSTRUCTIONS", `BPF program is too large. Processed ${walk.processed} insn`);
  }
  if (shouldAbort !== undefined && walk.processed % ABORT_INTERVAL === 0 && shouldAbort()) {
    reject("ABORTED", "verification was ended by the caller");
  }
};

/** Walks from the current state to the end of the path. */
const walkPath = (walk: Walk, explored: Explored, options: VerifyOptions): void => {
  for (;;) {
    checkBudget(walk, options);
    if (walk.program.prunePoints.has(walk.pc) && explored.visit(walk)) {
      options.onEvent?.({ kind: "pruned", pc: walk.pc });
      return;
    }
    walk.facts.visit(walk.pc);
    options.onEvent?.({ kind: "instruction", pc: walk.pc, state: walk.state });
    if (step(walk) === "path ends") return;
  }
};

/** Walks every path: to its end, then the branch that was queued last. */
const walkAll = (walk: Walk, explored: Explored, options: VerifyOptions): void => {
  for (;;) {
    walkPath(walk, explored, options);
    endPath(walk);
    const branch = walk.pending.pop();
    if (branch === undefined) return;
    walk.state = branch.state;
    walk.pc = branch.pc;
    walk.path = branch.path;
    walk.parent = branch.parent;
    options.onEvent?.({ kind: "branch", from: branch.from, pc: branch.pc, state: branch.state });
  }
};

/** Walks the global functions that paths call, each from all arguments that its signature allows. */
const walkGlobals = (walk: Walk, explored: Explored, options: VerifyOptions): void => {
  // A set is walked in the order in which it grows: functions that global functions call come later.
  for (const index of walk.globalsToVerify) {
    const subprogram = walk.program.subprograms[index]!;
    walk.state = globalEntry(walk, subprogram);
    walk.pc = subprogram.start;
    walk.path = undefined;
    walk.parent = undefined;
    walkAll(walk, explored, options);
  }
};

/** The rejection that `work` ends with, or `undefined`. */
const rejectionOf = (work: () => void, describe: (rejection: Rejection) => Diagnostic): Diagnostic | undefined => {
  try {
    work();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Rejection) return describe(thrown);
    throw thrown;
  }
};

const reportOf = (walk: Walk, explored: Explored, rejection: Diagnostic | undefined): Report => ({
  verdict: rejection === undefined ? "accept" : "reject",
  ...(rejection && { rejection }),
  statistics: {
    processedInstructions: walk.processed,
    totalStates: explored.total,
    peakStates: explored.peak,
    peakBranches: walk.peakBranches,
  },
  subprograms: walk.program.subprograms.map(({ name, start, end, index }) => ({
    name,
    start,
    end,
    stackDepth: walk.stackDepth[index]!,
  })),
  facts: walk.facts.toFacts(),
});

const NOT_WALKED: Omit<Report, "verdict" | "rejection"> = {
  statistics: { processedInstructions: 0, totalStates: 0, peakStates: 0, peakBranches: 0 },
  subprograms: [],
  facts: [],
};

/**
 * Decides whether a program is safe to run, as Linux does: by walking all its paths with abstract values.
 *
 * Never throws for a program, however malformed: a rejection is part of the report. What is not modelled yet is rejected
 * with a code that begins with `UNSUPPORTED_`.
 */
export const verify = (spec: ProgramSpec, options: VerifyOptions = {}): Report => {
  const platform = options.platform ?? linux;
  let program: Program | undefined;
  const unfit = rejectionOf(
    () => {
      program = prepare(spec, platform);
      checkMaps(program, platform);
      checkRecursion(program, platform);
    },
    (rejection) => diagnose(rejection),
  );
  if (program === undefined || unfit !== undefined) {
    return { verdict: "reject", ...(unfit && { rejection: unfit }), ...NOT_WALKED };
  }
  const walk = new Walk(program, platform, initialState());
  const explored = new Explored(options.pruning ?? "linux");
  const rejection =
    rejectionOf(
      () => {
        walkAll(walk, explored, options);
        walkGlobals(walk, explored, options);
      },
      (thrown) => diagnose(thrown, { pc: walk.pc, path: walk.path, program: walk.program }),
    ) ??
    rejectionOf(
      () => checkStackDepth(walk.program, walk.stackDepth, platform),
      (thrown) => diagnose(thrown),
    );
  return reportOf(walk, explored, rejection);
};
