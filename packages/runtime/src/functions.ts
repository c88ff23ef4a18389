import { type Instruction, isFunctionReference, targetOf } from "@ebpf/asm";

/** The slots where functions begin: the entry, the targets of local calls, and addresses taken for callbacks. Sorted. */
export const functionStarts = (instructions: readonly Instruction[]): readonly number[] => {
  const starts = new Set([0]);
  instructions.forEach((slot, pc) => {
    if (!isFunctionReference(slot)) return;
    const target = targetOf(slot, pc)!;
    if (target >= 0 && target < instructions.length) starts.add(target);
  });
  return [...starts].sort((a, b) => a - b);
};

/**
 * What the budget is charged when a function is entered: its slots. Together with `loopCost` this bounds the
 * instructions that run, and is the same number in every engine.
 *
 * @param starts as `functionStarts` gives them
 */
export const entryCost = (starts: readonly number[], start: number, slots: number): number => {
  const following = starts.find((other) => other > start) ?? slots;
  return following - start;
};

/** What the budget is charged for a jump from `pc` back to `target`: the slots of the loop. */
export const loopCost = (pc: number, target: number): number => (target <= pc ? pc - target + 1 : 0);
