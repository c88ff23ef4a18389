import { CELL } from "./layout.js";
import type { LinearMemory } from "./linear-memory.js";

/*
 * Random numbers whose state lies in the memory, so that compiled programs make them without their host: Marsaglia's
 * xorshift128 ("Xorshift RNGs", Journal of Statistical Software 8(14), 2003), with a period of 2^128 - 1.
 */

/** Its shifts. */
export const XORSHIFT = { left: 11, right: 8, last: 19 } as const;

/** Numbers of 32 bits, from a state that begins anywhere. */
export const randomNumbers = (memory: LinearMemory): (() => number) => {
  const words = [0, 1, 2, 3].map((word) => CELL.random + 4 * word) as [number, number, number, number];
  // A state of zeros would stay so.
  for (const word of words) memory.setCell(word, Math.floor(Math.random() * 2 ** 32) | 1);
  const [oldest, second, third, newest] = words;
  return () => {
    const first = memory.cell(oldest) ^ (memory.cell(oldest) << XORSHIFT.left);
    const last = memory.cell(newest);
    memory.setCell(oldest, memory.cell(second));
    memory.setCell(second, memory.cell(third));
    memory.setCell(third, last);
    const next = last ^ (last >>> XORSHIFT.last) ^ first ^ (first >>> XORSHIFT.right);
    memory.setCell(newest, next);
    return next >>> 0;
  };
};
