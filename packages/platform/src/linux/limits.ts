import type { PlatformLimits } from "../platform.js";

/** The limits of Linux 6.18. */
export const LIMITS: PlatformLimits = {
  instructions: 1_000_000,
  programSlots: 1_000_000,
  pendingBranches: 8192,
  frames: 8,
  stack: 512,
  stackWithTailCalls: 256,
  subprograms: 256,
  maps: 64,
  loopIterations: 8 * 1024 * 1024,
};
