import { isEbpfError } from "@ebpf/core";
import { linux } from "@ebpf/platform";
import { FRAME_SIZE, RuntimeFault } from "@ebpf/runtime";
import { type InstructionFacts, type Report, viewState } from "@ebpf/verifier";
import type { FuzzCase } from "../fuzz-case.js";
import { containmentReason, World } from "./containment/contains.js";
import { regionsAt } from "./containment/memory.js";
import { accessOf, contextOf, type Snapshot, type Trace, traceRun } from "./containment/trace.js";
import { judge } from "./judge.js";
import { agree, crashOf, found, type Oracle, type Outcome, skip } from "./outcome.js";

const NAME = "containment";
/** Instructions that the walk without shortcuts may take. */
const MAX_WALK = 20_000;

/** Faults of what the runtime lacks, not of what the program does. */
const NOT_THE_PROGRAM: ReadonlySet<string> = new Set([
  "UNSUPPORTED_HELPER",
  "UNSUPPORTED_INSTRUCTION",
  "BUDGET_EXCEEDED",
]);

/** Memory of the kernel's own that contexts point to, and that no runtime has. */
const FOREIGN: ReadonlySet<string> = new Set(["sock", "sock_common", "tcp_sock", "flow_keys"]);

/** An accepted program must not fault. */
const faultOf = ({ spec }: FuzzCase, { facts }: Report, { error }: Trace): Outcome | undefined => {
  if (error === undefined) return undefined;
  if (!isEbpfError(error)) throw error;
  if (!(error instanceof RuntimeFault)) return skip(error.code);
  if (NOT_THE_PROGRAM.has(error.code)) return undefined;
  if (facts.some((row) => row?.regions.some((region) => FOREIGN.has(region)))) return skip("foreign memory");
  const name = spec.instructions[error.pc ?? 0]?.op.name;
  return found(NAME, `accepted program faults: ${error.code} in ${name}`, error.message);
};

/** Whether the way that a conditional jump went is one that the facts know. */
const outcomeReason = ({ pc, next }: Snapshot, { outcomes }: InstructionFacts): string | undefined => {
  if (next === undefined || outcomes === undefined || outcomes === "both") return undefined;
  const went = next === pc + 1 ? "not_taken" : "taken";
  return went === outcomes ? undefined : `jump facts (${outcomes})`;
};

/** Whether an access takes a pointer to the kernel's own memory out of the context, where a runtime has none. */
const loadsForeign = ({ spec }: FuzzCase, address: bigint, { runtime }: Trace): boolean => {
  const offset = Number(address) - contextOf(runtime);
  const field = linux.programTypes[spec.type]?.context.fields.find((row) => row.offset === offset);
  return field !== undefined && (field.value === "sock" || field.value === "flow_keys");
};

/** Whether an access to a stack frame lies where the facts say. */
const stackReason = (
  { address, size }: NonNullable<ReturnType<typeof accessOf>>,
  { frames }: Snapshot,
  { stack }: InstructionFacts,
): string | undefined => {
  const at = Number(address);
  const frame = frames.find(({ end }) => at >= end - FRAME_SIZE && at < end);
  if (frame === undefined) return undefined;
  const offset = at - frame.end;
  if (stack !== undefined && offset >= stack.from && offset + size <= stack.to) return undefined;
  return `stack facts (${stack?.from}..${stack?.to} and not ${offset})`;
};

/** The first fact that a run contradicts. */
const factsReason = (fuzzCase: FuzzCase, { facts }: Report, trace: Trace): Outcome | undefined => {
  const { spec } = fuzzCase;
  for (const snapshot of trace.snapshots) {
    const row = facts[snapshot.pc];
    const slot = spec.instructions[snapshot.pc]!;
    const at = `at pc ${snapshot.pc}`;
    if (row === undefined) return found(NAME, "an instruction ran that the verifier never walked", at);
    const jump = slot.op.family === "jump" && slot.offset !== 0 ? outcomeReason(snapshot, row) : undefined;
    if (jump !== undefined) return found(NAME, jump, at);
    const access = accessOf(slot, snapshot);
    if (access === undefined) continue;
    if (loadsForeign(fuzzCase, access.address, trace)) return skip("foreign memory");
    const regions = regionsAt(access.address, snapshot, trace);
    if (!row.regions.some((region) => regions.includes(region))) {
      return found(NAME, `region facts: ${row.regions.join()} and not ${regions[0]}`, at);
    }
    const stack = stackReason(access, snapshot, row);
    if (stack !== undefined) return found(NAME, stack, at);
  }
  return undefined;
};

interface Uncovered {
  readonly snapshot: Snapshot;
  /** Why the abstract state that came closest doesn't stand for it. */
  reason: string;
}

/** Walks without shortcuts, and takes away every snapshot that some state stands for. */
const cover = (fuzzCase: FuzzCase, trace: Trace): { readonly report: Report; readonly left: readonly Uncovered[] } => {
  const world = new World(trace);
  const waiting = new Map<number, Uncovered[]>();
  for (const snapshot of trace.snapshots) {
    const list = waiting.get(snapshot.pc) ?? [];
    list.push({ snapshot, reason: "never walked" });
    waiting.set(snapshot.pc, list);
  }
  const report = judge(fuzzCase.spec, {
    pruning: "exact",
    selfCheck: true,
    maxInstructions: MAX_WALK,
    onEvent: (event) => {
      const list = event.kind === "instruction" ? waiting.get(event.pc) : undefined;
      if (event.kind !== "instruction" || list === undefined || list.length === 0) return;
      const state = viewState(event.state);
      const left = list.filter((entry) => {
        const reason = containmentReason(state, entry.snapshot, world);
        if (reason !== undefined && (reason !== "call chain" || entry.reason === "never walked")) entry.reason = reason;
        return reason !== undefined;
      });
      waiting.set(event.pc, left);
    },
  });
  return { report, left: [...waiting.values()].flat() };
};

const withoutPlace = (reason: string): string => reason.replace(/ \(.*\)$/, "");

/** The earliest state of the run that no abstract one stands for. */
const uncovered = (fuzzCase: FuzzCase, trace: Trace): Outcome => {
  const { report, left } = cover(fuzzCase, trace);
  if (report.verdict !== "accept") return skip(`the exact walk ends with ${report.rejection?.code}`);
  const order = new Map(trace.snapshots.map((snapshot, index) => [snapshot, index]));
  const first = [...left].sort((a, b) => order.get(a.snapshot)! - order.get(b.snapshot)!)[0];
  if (first === undefined) return agree(trace.truncated ? "contained, as far as it was watched" : "contained");
  const index = order.get(first.snapshot)!;
  const before = trace.snapshots[index - 1];
  const name = before === undefined ? "the entry" : fuzzCase.spec.instructions[before.pc]!.op.name;
  return found(NAME, `after ${name}: ${withoutPlace(first.reason)}`, `before pc ${first.snapshot.pc}: ${first.reason}`);
};

/**
 * What the verifier knows of an accepted program is true of its runs: before every instruction all registers and stack
 * slots of all frames lie in some state that was walked there, no access faults, and the facts that compilers rely on hold.
 * Of every program, accepted or not, the verifier's own invariants hold on the way.
 */
export const containment: Oracle = (fuzzCase) => {
  try {
    const report = judge(fuzzCase.spec, { selfCheck: true });
    if (report.verdict !== "accept")
      return skip(report.rejection!.code.startsWith("UNSUPPORTED_") ? "unsupported" : "rejected");
    const trace = traceRun(fuzzCase);
    return faultOf(fuzzCase, report, trace) ?? factsReason(fuzzCase, report, trace) ?? uncovered(fuzzCase, trace);
  } catch (thrown) {
    if (isEbpfError(thrown)) return skip(thrown.code);
    const { key, detail } = crashOf(thrown);
    return found(NAME, key, detail);
  }
};
