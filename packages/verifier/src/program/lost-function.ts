import { targetOf } from "@ebpf/asm";
import { reject } from "../report/reject.js";
import type { Program } from "./program.js";

/**
 * Rejects a program that takes the address of a function behind all those that are run.
 *
 * Linux leaves out what no path reaches. The address of such a function then leads to the function that stands in its place, or,
 * behind the last one, to none: then Linux can't translate the program. One without other functions it doesn't look through.
 *
 * @param isWalked whether a path came to a slot
 */
export const checkLostFunctions = ({ instructions, subprograms }: Program, isWalked: (pc: number) => boolean): void => {
  const run = subprograms.filter(({ start }) => isWalked(start));
  if (run.length < 2) return;
  const last = run.at(-1)!.start;
  for (const [pc, slot] of instructions.entries()) {
    const { op } = slot;
    if (op.family !== "lddw" || op.meaning !== "function" || !isWalked(pc) || targetOf(slot, pc)! <= last) continue;
    reject("LOST_FUNCTION", `verifier bug: No program to jit at insn ${pc} (subprog < 0)`);
  }
};
