import { type Instruction, isFunctionReference } from "@ebpf/asm";
import type { ProgramSpec } from "@ebpf/platform";

/** What oracles that ask the kernel note instead of asking. */
export const HAZARD = "may crash the kernel";

const isLegacyLoad = ({ op }: Instruction): boolean => op.family === "load" && op.mode !== "mem";

/**
 * Whether a program is of the kind that made Linux 6.18 write outside of its memory while it verified it: legacy packet
 * loads, which may end a function without its exit, together with functions. Some of that kind are harmless; which ones
 * must not be found out by trying.
 */
export const mayCrashKernel = ({ instructions }: ProgramSpec): boolean =>
  instructions.some(isLegacyLoad) && instructions.some(isFunctionReference);
