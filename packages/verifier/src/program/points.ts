import { type Instruction, isFunctionReference, slotsOf, targetOf } from "@ebpf/asm";
import type { HelperPrototype, Platform } from "@ebpf/platform";

/*
 * Slots at which the walk does something besides walking the instruction.
 */

/** Bits of a slot. */
export const POINT = {
  /** States are compared, and sometimes kept. */
  prune: 1,
  /** How the path came here is noted, because it didn't come from the slot before. */
  jump: 2,
  /** A state is always kept: the head of a loop that something outside of the program bounds. */
  checkpoint: 4,
} as const;

const helperOf = ({ op, imm }: Instruction, platform: Platform): HelperPrototype | undefined =>
  op.family === "call" && op.target === "helper" ? platform.helpers.get(imm) : undefined;

/** Whether a helper is given a function of the program. */
const takesFunction = (helper: HelperPrototype): boolean => helper.arguments.some(({ kind }) => kind === "function");

/** Calls of helpers that call back before they return. */
export const findCallbackCalls = (instructions: readonly Instruction[], platform: Platform): ReadonlySet<number> => {
  const calls = new Set<number>();
  instructions.forEach((slot, pc) => {
    if (helperOf(slot, platform)?.callback !== undefined) calls.add(pc);
  });
  return calls;
};

/** Finds the points of every slot; they are Linux's, because they decide what the walk comes by and in which order. */
export const findPoints = (instructions: readonly Instruction[], platform: Platform): Uint8Array => {
  const points = new Uint8Array(instructions.length + 2);
  const mark = (pc: number, bits: number): void => {
    points[pc] = points[pc]! | bits;
  };
  instructions.forEach((slot, pc) => {
    const { op } = slot;
    if (op.family === "jump") {
      const target = targetOf(slot, pc);
      if (target !== undefined) mark(target, POINT.prune | POINT.jump);
      if (op.operator !== "always") mark(pc, POINT.prune);
      if (op.operator === "may_goto") mark(pc, POINT.checkpoint);
      return;
    }
    const references = isFunctionReference(slot);
    if (op.family !== "call" && !references) return;
    mark(pc + slotsOf(slot), POINT.prune | POINT.jump);
    if (references) {
      mark(pc, POINT.prune);
      mark(targetOf(slot, pc)!, POINT.prune | POINT.jump);
    }
    const helper = helperOf(slot, platform);
    if (helper === undefined || !takesFunction(helper)) return;
    const callsBackLater = helper.asyncCallback !== undefined;
    mark(pc, callsBackLater ? POINT.prune : POINT.prune | POINT.jump | POINT.checkpoint);
  });
  return points;
};
