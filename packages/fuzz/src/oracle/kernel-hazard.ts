import { type Instruction, isFunctionReference, targetOf } from "@ebpf/asm";
import type { ProgramSpec } from "@ebpf/platform";

/** What oracles that ask the kernel note instead of asking. */
export const HAZARD = "may crash the kernel";

const isLegacyLoad = ({ op }: Instruction): boolean => op.family === "load" && op.mode !== "mem";

const isMayGoto = ({ op }: Instruction): boolean => op.family === "jump" && op.operator === "may_goto";

/** How many functions a program has called back. */
const callbacksOf = (instructions: readonly Instruction[]): number =>
  new Set(
    instructions.flatMap((slot, pc) =>
      slot.op.family === "lddw" && isFunctionReference(slot) ? targetOf(slot, pc)! : [],
    ),
  ).size;

/**
 * Whether a program is of a kind that made Linux 6.18 touch what isn't its memory while it verified it: legacy packet
 * loads, which may end a function without its exit, together with functions; `may_goto` together with several callbacks,
 * one of which may call the other. Some of these kinds are harmless; which ones must not be found out by trying.
 */
export const mayCrashKernel = ({ instructions }: ProgramSpec): boolean =>
  (instructions.some(isLegacyLoad) && instructions.some(isFunctionReference)) ||
  (instructions.some(isMayGoto) && callbacksOf(instructions) > 1);
