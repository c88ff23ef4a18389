import { MAX_FRAMES } from "../layout.js";

/**
 * The state of an interpreted program in int32 cells. A 64-bit value is a pair of them, low half first, and begins at an
 * even index:
 *
 *   0   r0..r10
 *   22  the end of the current stack frame, a pair; r10 holds the same unless an unverified program overwrote it
 *   24  how often the current function's `may_goto` still falls through
 *   25  the end of the saved calls in use, and of those that belong to whoever started the current loop
 *   28  saved calls
 *   132 the immediates of the program, so that an operation reads an immediate as it reads a register
 */
export type Cells = Int32Array;

/** The pair of a register. */
export const pairOf = (register: number): number => 2 * register;

/** Registers that a program has: r0..r10. */
export const REGISTERS = 11;

export const R0 = pairOf(0);
export const R1 = pairOf(1);
export const R6 = pairOf(6);
export const R10 = pairOf(10);

export const FRAME = pairOf(REGISTERS);
export const MAY_GOTO = FRAME + 2;
export const SAVED_END = MAY_GOTO + 1;
export const SAVED_BASE = SAVED_END + 1;
export const SAVED = SAVED_BASE + 2;
/** What a call saves: where to return to, the caller's `may_goto` count and frame, and then r6..r10. */
export const SAVED_CELLS = 3 + 10;
/** Every saved call but the last has a stack frame, so there are at most as many as frames. */
export const CONSTANTS = SAVED + SAVED_CELLS * MAX_FRAMES;
