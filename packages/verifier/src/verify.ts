import type { Family } from "@ebpf/asm";
import { linux, type Platform, type ProgramSpec } from "@ebpf/platform";
import { globalEntry } from "./call/global.js";
import { checkLostFunctions } from "./program/lost-function.js";
import { POINT } from "./program/points.js";
import { type Program, prepare, type Subprogram } from "./program/program.js";
import { checkStackDepth } from "./program/stack-depth.js";
import type { Pruning } from "./prune/explored.js";
import { diagnose } from "./report/diagnostic.js";
import type { WalkEmit } from "./report/events.js";
import { Rejection, reject } from "./report/reject.js";
import type { Diagnostic, Report, Statistics } from "./report/report.js";
import { pointerRegister } from "./state/register.js";
import { FRAME_POINTER, Frame, State } from "./state/state.js";
import { walkInstruction } from "./step.js";
import { Walk } from "./walk.js";

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
  /** Asserts before every instruction what holds of every state; `verify` throws an `InvariantError` where it doesn't. */
  readonly selfCheck?: boolean;
  /** Called for every event, as it happens. */
  readonly onEvent?: WalkEmit;
  /** Asked every 1,024 instructions, and told how far the walk is; `true` ends verification with code `ABORTED`. */
  readonly shouldAbort?: (progress: Progress) => boolean;
  /** States to keep at one time at most, which is what memory goes to; no limit by default. Code `TOO_MANY_STATES`. */
  readonly maxStates?: number;
}

/** How far a walk is. */
export interface Progress {
  /** Instructions walked, on all paths. */
  readonly processedInstructions: number;
  /** States kept now. */
  readonly storedStates: number;
  /** Paths that are put off. */
  readonly pendingBranches: number;
}

/** Instructions between two questions whether to abort. */
const ABORT_INTERVAL = 1024;

const initialState = (): State => {
  const frame = new Frame(0, 0, -1);
  frame.registers[1] = pointerRegister("ctx");
  frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: 0 });
  return new State([frame], 0);
};

const progressOf = ({ processed, explored, pending }: Walk): Progress => ({
  processedInstructions: processed,
  storedStates: explored.kept,
  pendingBranches: pending.length,
});

const checkBudget = (walk: Walk, limit: number, { shouldAbort }: VerifyOptions): void => {
  walk.processed++;
  if (walk.processed > limit) {
    reject("TOO_MANY_INSTRUCTIONS", `BPF program is too large. Processed ${walk.processed} insn`);
  }
  if (shouldAbort !== undefined && walk.processed % ABORT_INTERVAL === 0 && shouldAbort(progressOf(walk))) {
    reject("ABORTED", "verification was ended by the caller");
  }
};

/** Instructions of this family leave something in their destination. */
const leavesValue = (family: Family): boolean => family === "alu" || family === "load" || family === "lddw";

/** Walks from the current state to the end of the path. */
const walkPath = (walk: Walk, options: VerifyOptions): void => {
  const { points } = walk.program;
  const limit = Math.min(options.maxInstructions ?? Number.POSITIVE_INFINITY, walk.platform.limits.instructions);
  for (;;) {
    walk.beginInstruction();
    checkBudget(walk, limit, options);
    if (options.selfCheck) walk.checkState();
    const { pc } = walk;
    const point = points[pc]!;
    if ((point & POINT.prune) !== 0 && walk.explored.visit(walk)) {
      walk.emit?.({ kind: "pruned", pc, from: walk.previousPc });
      return;
    }
    if ((point & POINT.jump) !== 0) walk.noteHistory();
    walk.facts.visit(pc);
    if (walk.emit !== undefined) {
      walk.emit({ kind: "instruction", pc, state: walk.state, touched: walk.touched });
      walk.touched.clear();
    }
    const { instruction } = walk;
    if (walkInstruction(walk) === "path ends") return;
    if (leavesValue(instruction.op.family)) walk.facts.leaves(pc, walk.state.register(instruction.dst));
    walk.previousPc = pc;
  }
};

/** Walks all paths that are put off, the latest first, after the current one. */
const walkAll = (walk: Walk, options: VerifyOptions): void => {
  for (;;) {
    walkPath(walk, options);
    walk.explored.endPath(walk);
    walk.stackLiveness.update(walk.state);
    const branch = walk.pending.pop();
    if (branch === undefined) return;
    walk.takeUp(branch);
    walk.emit?.({ kind: "branch", from: branch.from, pc: branch.pc, state: branch.state });
  }
};

/** Walks the global functions that paths call, each from all arguments that its signature allows. */
const walkGlobals = (walk: Walk, options: VerifyOptions): void => {
  const { subprograms } = walk.program;
  const callback = subprograms.find(({ exceptionCallback }) => exceptionCallback);
  if (callback !== undefined) walk.globalsToVerify.add(callback.index);
  // The entry is walked already.
  const done = new Set([0]);
  const isDue = ({ index }: Subprogram): boolean => walk.globalsToVerify.has(index) && !done.has(index);
  // What calls a function in front of it puts that one off to the next round.
  while (subprograms.some(isDue)) {
    for (const subprogram of subprograms) {
      if (!isDue(subprogram)) continue;
      done.add(subprogram.index);
      walk.emit?.({ kind: "function", subprogram });
      walk.begin(globalEntry(walk, subprogram), subprogram.start);
      walkAll(walk, options);
      walk.emit?.({ kind: "function safe", subprogram });
    }
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

const statisticsOf = ({ processed, explored, peakBranches }: Walk): Statistics => ({
  processedInstructions: processed,
  totalStates: explored.total,
  peakStates: explored.peak,
  maxStatesPerInstruction: explored.longestBucket,
  peakBranches,
});

const reportOf = (walk: Walk, rejection: Diagnostic | undefined): Report => ({
  verdict: rejection === undefined ? "accept" : "reject",
  ...(rejection && { rejection }),
  statistics: statisticsOf(walk),
  subprograms: walk.program.subprograms.map(({ name, start, end, index }) => ({
    name,
    start,
    end,
    stackDepth: walk.stackDepth[index]!,
  })),
  facts: walk.facts.toFacts(),
});

const NOTHING_WALKED: Statistics = {
  processedInstructions: 0,
  totalStates: 0,
  peakStates: 0,
  maxStatesPerInstruction: 0,
  peakBranches: 0,
};

const NOT_WALKED: Omit<Report, "verdict" | "rejection"> = {
  statistics: NOTHING_WALKED,
  subprograms: [],
  facts: [],
};

/**
 * Decides whether a program is safe to run, as Linux does: by walking all its paths with abstract values.
 *
 * Never throws for a program, however malformed: a rejection is part of the report. What is not modelled yet is rejected
 * with a code that begins with `UNSUPPORTED_`.
 *
 * @throws InvariantError under `selfCheck`, when the verifier itself is wrong
 */
export const verify = (spec: ProgramSpec, options: VerifyOptions = {}): Report => {
  const platform = options.platform ?? linux;
  let program: Program | undefined;
  const unfit = rejectionOf(
    () => {
      program = prepare(spec, platform, options.onEvent);
    },
    (rejection) => diagnose(rejection),
  );
  if (program === undefined || unfit !== undefined) {
    if (unfit !== undefined) options.onEvent?.({ kind: "rejected", message: unfit.message });
    options.onEvent?.({ kind: "end", statistics: NOTHING_WALKED });
    return { verdict: "reject", ...(unfit && { rejection: unfit }), ...NOT_WALKED };
  }
  const walk = new Walk(program, platform, { ...options, state: initialState() });
  walk.emit?.({ kind: "begin", program });
  const rejection =
    rejectionOf(
      () => {
        walkAll(walk, options);
        walkGlobals(walk, options);
      },
      (thrown) => diagnose(thrown, walk),
    ) ??
    rejectionOf(
      () => {
        checkStackDepth(walk.program, { depths: walk.stackDepth, calledLater: walk.asyncCallbacks }, platform);
        checkLostFunctions(walk.program, (pc) => walk.facts.visited(pc));
      },
      (thrown) => diagnose(thrown),
    );
  if (rejection !== undefined) walk.emit?.({ kind: "rejected", message: rejection.message });
  walk.emit?.({ kind: "end", statistics: statisticsOf(walk) });
  return reportOf(walk, rejection);
};
