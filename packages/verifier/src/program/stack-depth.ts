import { type Instruction, isFunctionReference, targetOf } from "@ebpf/asm";
import type { Platform } from "@ebpf/platform";
import { reject } from "../report/reject.js";
import type { Program } from "./program.js";

/** A function's stack takes whole multiples of this. */
const GRAIN = 16;
/** Functions with at least this much stack get a private one, where the program type has them. */
const PRIVATE_FROM = 64;

const rounded = (bytes: number): number => Math.ceil(bytes / GRAIN) * GRAIN;

interface Node {
  /** The functions that it refers to, in order, and where it calls them; nowhere, when they are only called back. */
  readonly callees: ReadonlyMap<number, number | undefined>;
  readonly tailCalls: boolean;
}

const isTailCall = ({ op, imm }: Instruction, platform: Platform): boolean =>
  op.family === "call" && op.target === "helper" && platform.helpers.get(imm)?.name === "bpf_tail_call";

/** What is called later, by itself, is no callee of the function that says so. */
const callGraph = (program: Program, platform: Platform, calledLater: ReadonlySet<number>): readonly Node[] =>
  program.subprograms.map(({ start, end }) => {
    const callees = new Map<number, number | undefined>();
    const body = program.instructions.slice(start, end);
    body.forEach((slot, index) => {
      if (!isFunctionReference(slot)) return;
      const pc = start + index;
      const callee = program.subprogramAt[targetOf(slot, pc)!]!.index;
      const direct = slot.op.family === "call";
      if (direct || !calledLater.has(callee)) callees.set(callee, callees.get(callee) ?? (direct ? pc : undefined));
    });
    return { callees, tailCalls: body.some((slot) => isTailCall(slot, platform)) };
  });

/** Functions that have a stack of their own beside the program's, the last one first. */
const roots = ({ subprograms }: Program, calledLater: ReadonlySet<number>): readonly number[] =>
  subprograms
    .filter(({ index, exceptionCallback }) => exceptionCallback || calledLater.has(index))
    .map(({ index }) => index)
    .reverse();

/** Checks that the calls of every chain, and their stacks, fit together, once the walk has found each function's depth. */
export const checkStackDepth = (
  program: Program,
  { depths, calledLater }: { readonly depths: readonly number[]; readonly calledLater: ReadonlySet<number> },
  platform: Platform,
): void => {
  const apart = roots(program, calledLater);
  const nodes = callGraph(program, platform, new Set(apart));
  const mayBePrivate = program.rules.privateStack === true && !nodes.some(({ tailCalls }) => tailCalls);
  const { stack, stackWithTailCalls, frames } = platform.limits;
  const checkCall = (chain: readonly number[], callee: number, pc: number | undefined): void => {
    if (program.subprograms[callee]!.exceptionCallback) {
      reject("BAD_EXCEPTION_CALLBACK", `insn ${pc} cannot call exception cb directly`);
    }
    if (chain.length < frames) return;
    const code = chain.includes(callee) ? "RECURSION" : "CALL_DEPTH";
    reject(code, `the call stack of ${chain.length} frames is too deep !`);
  };
  // Whether a tail call was come by on the way here, which Linux takes to matter for everything behind it.
  let tailCallSeen = false;
  const visit = (chain: readonly number[], above: number, privateStack: boolean): void => {
    const index = chain[chain.length - 1]!;
    const { callees, tailCalls } = nodes[index]!;
    if (index > 0 && tailCalls && above >= stackWithTailCalls) {
      reject(
        "STACK_TOO_DEEP",
        `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`,
      );
    }
    const own = rounded(depths[index]!);
    const used = above + (privateStack && own >= PRIVATE_FROM ? 0 : own);
    if (used > stack) reject("STACK_TOO_DEEP", `combined stack size of ${chain.length} calls is ${used}. Too large`);
    for (const [callee, pc] of callees) {
      checkCall(chain, callee, pc);
      tailCallSeen ||= nodes[callee]!.tailCalls;
      visit([...chain, callee], used, privateStack);
    }
    if (tailCallSeen && chain.slice(0, -1).some((caller) => program.subprograms[caller]!.exceptionCallback)) {
      reject("BAD_EXCEPTION_CALLBACK", "cannot tail call within exception cb");
    }
  };
  for (const index of apart) {
    tailCallSeen = false;
    visit([index], 0, false);
  }
  tailCallSeen = false;
  visit([0], 0, mayBePrivate);
};
