import { type Instruction, targetOf } from "@ebpf/asm";
import type { Platform } from "@ebpf/platform";
import { reject } from "../report/reject.js";
import { isFunctionReference, type Program } from "./program.js";

/** A function's stack takes whole multiples of this. */
const GRAIN = 16;
/** Functions with at least this much stack get a private one, where the program type has them. */
const PRIVATE_FROM = 64;

const rounded = (bytes: number): number => Math.ceil(bytes / GRAIN) * GRAIN;

interface CallGraph {
  readonly callees: readonly (readonly number[])[];
  readonly tailCalls: readonly boolean[];
}

const isTailCall = ({ op, imm }: Instruction, platform: Platform): boolean =>
  op.family === "call" && op.target === "helper" && platform.helpers.get(imm)?.name === "bpf_tail_call";

/** What is called later, by itself, is no callee of the function that says so. */
const NONE: ReadonlySet<number> = new Set();

const callGraph = (program: Program, platform: Platform, calledLater = NONE): CallGraph => {
  const callees = program.subprograms.map(() => new Set<number>());
  const tailCalls = program.subprograms.map(() => false);
  program.instructions.forEach((slot, pc) => {
    const caller = program.subprogramAt[pc]!.index;
    if (isTailCall(slot, platform)) tailCalls[caller] = true;
    if (!isFunctionReference(slot)) return;
    const callee = program.subprogramAt[targetOf(slot, pc)!]!.index;
    if (slot.op.family === "call" || !calledLater.has(callee)) callees[caller]!.add(callee);
  });
  return { callees: callees.map((set) => [...set]), tailCalls };
};

/** Checks calls before the walk: no function calls itself, on any way. */
export const checkRecursion = (program: Program, platform: Platform): void => {
  const { callees } = callGraph(program, platform);
  const done = new Set<number>();
  const visit = (index: number, chain: ReadonlySet<number>): void => {
    if (chain.has(index)) {
      const name = program.subprograms[index]!.name;
      reject("RECURSION", `recursive call from ${name}() to ${name}()`);
    }
    if (done.has(index)) return;
    const longer = new Set([...chain, index]);
    for (const callee of callees[index]!) visit(callee, longer);
    done.add(index);
  };
  for (const { index } of program.subprograms) visit(index, new Set());
};

/**
 * Checks that the stacks of every chain of calls fit together, once the walk has found each function's depth.
 * Valid for call graphs without recursion.
 */
export const checkStackDepth = (
  program: Program,
  { depths, calledLater }: { readonly depths: readonly number[]; readonly calledLater: ReadonlySet<number> },
  platform: Platform,
): void => {
  const { callees, tailCalls } = callGraph(program, platform, calledLater);
  const mayBePrivate = program.rules.privateStack === true && !tailCalls.includes(true);
  const { stack, stackWithTailCalls, frames } = platform.limits;
  const visit = (index: number, above: number, depth: number, privateStack: boolean): void => {
    if (index > 0 && tailCalls[index] && above >= stackWithTailCalls) {
      reject(
        "STACK_TOO_DEEP",
        `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`,
      );
    }
    const own = rounded(depths[index]!);
    const used = above + (privateStack && own >= PRIVATE_FROM ? 0 : own);
    if (used > stack) reject("STACK_TOO_DEEP", `combined stack size of ${depth} calls is ${used}. Too large`);
    if (depth > frames) reject("CALL_DEPTH", `the call stack of ${depth - 1} frames is too deep !`);
    for (const callee of callees[index]!) visit(callee, used, depth + 1, privateStack);
  };
  for (const index of [...calledLater].sort((a, b) => b - a)) visit(index, 0, 1, false);
  visit(0, 0, 1, mayBePrivate);
};
