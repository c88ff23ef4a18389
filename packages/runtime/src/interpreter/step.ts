/**
 * One predecoded instruction: does its work and returns the index of the step that comes next, or `HALT`.
 *
 * A program is a list of such closures. One large `switch` would be as fast for a single program, but V8 throws its
 * optimised code away once many programs have run through it; a closure has one shape and one job for ever.
 */
export type Step = () => number;

/** Ends the run loop. */
export const HALT = -1;

/**
 * Registers are pairs of int32 cells, low half first; register n is the pair at `2 * n`. The pairs behind r10 hold the
 * immediates of the program, so that a step reads an immediate as it reads a register.
 */
export type Cells = Int32Array;

/** The pair of a register. */
export const pairOf = (register: number): number => 2 * register;

/** Registers that a program has: r0..r10. */
export const REGISTERS = 11;
