import { invariant, multiplyHighHalf } from "@ebpf/core";
import { CELL, FRAME_SIZE, MAX_MAY_GOTO, STACK_LIMIT } from "../layout.js";
import type { LinearMemory } from "../linear-memory.js";
import { type Cells, FRAME, MAY_GOTO, R6, R10, SAVED_BASE, SAVED_CELLS, SAVED_END } from "./cells.js";
import type { NumberOf } from "./opcode.js";

/** What `run` returns at the end of the function in which it began; everything else is the number of an action. */
export const HALT = -1;

const BUDGET = CELL.budget >>> 2;

const swapped = (word: number): number =>
  (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);

/**
 * Runs code until it needs an action or ends.
 *
 * All of it is one loop that calls nothing and writes to nothing but typed arrays: then V8 keeps their addresses in
 * machine registers, and half of the time is saved. For the same reason
 * - the labels are literal numbers, since only these become a jump table; their types say which operation they are;
 * - odd halves are at `d | 1`, which unlike `d + 1` cannot overflow;
 * - what takes a call, such as a division of 64-bit numbers, is left to an action; the functions named here are small
 *   enough to be inlined.
 *
 * @param words as `Code`
 * @param r cells of the machine
 * @param start index of the operation to begin with
 * @returns `HALT` or the number of an action, which knows where to go on
 */
export const run = (words: Int32Array, r: Cells, memory: LinearMemory, start: number): number => {
  const { bytes, words: memory32, view } = memory;
  let at = start;
  for (;;) {
    const word = words[at]!;
    const d = (word >>> 7) & 31;
    const s = word >>> 12;
    at = (at + 2) | 0;
    switch (word & 127) {
      case 0 satisfies NumberOf<"action">:
        return s;

      case 1 satisfies NumberOf<"exit">: {
        const saved = r[SAVED_END]! - SAVED_CELLS;
        if (saved < r[SAVED_BASE]!) return HALT;
        r[SAVED_END] = saved;
        at = r[saved]!;
        r[MAY_GOTO] = r[saved + 1]!;
        r[FRAME] = r[saved + 2]!;
        for (let i = 0; i < 10; i++) r[R6 + i] = r[saved + 3 + i]!;
        continue;
      }
      case 2 satisfies NumberOf<"call">: {
        const frame = r[FRAME]!;
        if (frame - 2 * FRAME_SIZE < STACK_LIMIT) return s;
        const saved = r[SAVED_END]!;
        r[SAVED_END] = saved + SAVED_CELLS;
        r[saved] = at;
        r[saved + 1] = r[MAY_GOTO]!;
        r[saved + 2] = frame;
        for (let i = 0; i < 10; i++) r[saved + 3 + i] = r[R6 + i]!;
        r[MAY_GOTO] = MAX_MAY_GOTO;
        r[FRAME] = frame - FRAME_SIZE;
        r[R10] = frame - FRAME_SIZE;
        r[R10 | 1] = 0;
        at = words[at - 1]!;
        continue;
      }
      case 3 satisfies NumberOf<"charge">: {
        const left = memory32[BUDGET]! - words[at - 1]!;
        memory32[BUDGET] = left;
        if (left < 0) return s;
        continue;
      }
      case 4 satisfies NumberOf<"may_goto">:
        if (r[MAY_GOTO]! > 0) r[MAY_GOTO] = r[MAY_GOTO]! - 1;
        else at = words[at - 1]!;
        continue;
      case 5 satisfies NumberOf<"always">:
        at = words[at - 1]!;
        continue;
      case 6 satisfies NumberOf<"add64">: {
        const a = r[d]!;
        const low = (a + r[s]!) | 0;
        r[d | 1] = r[d | 1]! + r[s | 1]! + (low >>> 0 < a >>> 0 ? 1 : 0);
        r[d] = low;
        continue;
      }
      case 7 satisfies NumberOf<"sub64">: {
        const a = r[d]!;
        const b = r[s]!;
        r[d | 1] = r[d | 1]! - r[s | 1]! - (a >>> 0 < b >>> 0 ? 1 : 0);
        r[d] = a - b;
        continue;
      }
      case 8 satisfies NumberOf<"mul64">: {
        const a = r[d]!;
        const b = r[s]!;
        r[d | 1] = multiplyHighHalf(a, r[d | 1]!, b, r[s | 1]!);
        r[d] = Math.imul(a, b);
        continue;
      }
      case 9 satisfies NumberOf<"div64">:
        if ((r[d | 1]! | r[s | 1]!) !== 0 || r[s] === 0) return words[at - 1]!;
        r[d] = (r[d]! >>> 0) / (r[s]! >>> 0);
        continue;
      case 10 satisfies NumberOf<"mod64">:
        if ((r[d | 1]! | r[s | 1]!) !== 0 || r[s] === 0) return words[at - 1]!;
        r[d] = (r[d]! >>> 0) % (r[s]! >>> 0);
        continue;
      case 11 satisfies NumberOf<"or64">:
        r[d] = r[d]! | r[s]!;
        r[d | 1] = r[d | 1]! | r[s | 1]!;
        continue;
      case 12 satisfies NumberOf<"and64">:
        r[d] = r[d]! & r[s]!;
        r[d | 1] = r[d | 1]! & r[s | 1]!;
        continue;
      case 13 satisfies NumberOf<"xor64">:
        r[d] = r[d]! ^ r[s]!;
        r[d | 1] = r[d | 1]! ^ r[s | 1]!;
        continue;
      case 14 satisfies NumberOf<"lsh64">: {
        const count = r[s]! & 63;
        const low = r[d]!;
        if (count >= 32) {
          r[d | 1] = low << count;
          r[d] = 0;
        } else if (count !== 0) {
          r[d | 1] = (r[d | 1]! << count) | (low >>> (32 - count));
          r[d] = low << count;
        }
        continue;
      }
      case 15 satisfies NumberOf<"rsh64">: {
        const count = r[s]! & 63;
        const high = r[d | 1]!;
        if (count >= 32) {
          r[d] = high >>> count;
          r[d | 1] = 0;
        } else if (count !== 0) {
          r[d] = (r[d]! >>> count) | (high << (32 - count));
          r[d | 1] = high >>> count;
        }
        continue;
      }
      case 16 satisfies NumberOf<"arsh64">: {
        const count = r[s]! & 63;
        const high = r[d | 1]!;
        if (count >= 32) {
          r[d] = high >> count;
          r[d | 1] = high >> 31;
        } else if (count !== 0) {
          r[d] = (r[d]! >>> count) | (high << (32 - count));
          r[d | 1] = high >> count;
        }
        continue;
      }
      case 17 satisfies NumberOf<"neg64">: {
        const low = r[d]!;
        r[d] = -low;
        r[d | 1] = low === 0 ? -r[d | 1]! : ~r[d | 1]!;
        continue;
      }
      case 18 satisfies NumberOf<"mov64">:
        r[d] = r[s]!;
        r[d | 1] = r[s | 1]!;
        continue;
      case 19 satisfies NumberOf<"movsx64">: {
        const unused = words[at - 1]!;
        const value = (r[s]! << unused) >> unused;
        r[d] = value;
        r[d | 1] = value >> 31;
        continue;
      }
      case 20 satisfies NumberOf<"add32">:
        r[d] = r[d]! + r[s]!;
        r[d | 1] = 0;
        continue;
      case 21 satisfies NumberOf<"sub32">:
        r[d] = r[d]! - r[s]!;
        r[d | 1] = 0;
        continue;
      case 22 satisfies NumberOf<"mul32">:
        r[d] = Math.imul(r[d]!, r[s]!);
        r[d | 1] = 0;
        continue;
      case 23 satisfies NumberOf<"div32">: {
        const divisor = r[s]! >>> 0;
        r[d] = divisor === 0 ? 0 : (r[d]! >>> 0) / divisor;
        r[d | 1] = 0;
        continue;
      }
      case 24 satisfies NumberOf<"mod32">: {
        const divisor = r[s]! >>> 0;
        if (divisor !== 0) r[d] = (r[d]! >>> 0) % divisor;
        r[d | 1] = 0;
        continue;
      }
      case 25 satisfies NumberOf<"or32">:
        r[d] = r[d]! | r[s]!;
        r[d | 1] = 0;
        continue;
      case 26 satisfies NumberOf<"and32">:
        r[d] = r[d]! & r[s]!;
        r[d | 1] = 0;
        continue;
      case 27 satisfies NumberOf<"xor32">:
        r[d] = r[d]! ^ r[s]!;
        r[d | 1] = 0;
        continue;
      case 28 satisfies NumberOf<"lsh32">:
        r[d] = r[d]! << r[s]!;
        r[d | 1] = 0;
        continue;
      case 29 satisfies NumberOf<"rsh32">:
        r[d] = r[d]! >>> r[s]!;
        r[d | 1] = 0;
        continue;
      case 30 satisfies NumberOf<"arsh32">:
        r[d] = r[d]! >> r[s]!;
        r[d | 1] = 0;
        continue;
      case 31 satisfies NumberOf<"neg32">:
        r[d] = -r[d]!;
        r[d | 1] = 0;
        continue;
      case 32 satisfies NumberOf<"mov32">:
        r[d] = r[s]!;
        r[d | 1] = 0;
        continue;
      case 33 satisfies NumberOf<"movsx32">: {
        const unused = words[at - 1]!;
        r[d] = (r[s]! << unused) >> unused;
        r[d | 1] = 0;
        continue;
      }
      case 34 satisfies NumberOf<"truncate16">:
        r[d] = r[d]! & 0xffff;
        r[d | 1] = 0;
        continue;
      case 35 satisfies NumberOf<"swap16">:
        r[d] = ((r[d]! & 0xff) << 8) | ((r[d]! >>> 8) & 0xff);
        r[d | 1] = 0;
        continue;
      case 36 satisfies NumberOf<"swap32">:
        r[d] = swapped(r[d]!);
        r[d | 1] = 0;
        continue;
      case 37 satisfies NumberOf<"swap64">: {
        const low = r[d]!;
        r[d] = swapped(r[d | 1]!);
        r[d | 1] = swapped(low);
        continue;
      }
      case 38 satisfies NumberOf<"load8">:
        r[d] = bytes[(r[s]! + words[at - 1]!) >>> 0]!;
        r[d | 1] = 0;
        continue;
      case 39 satisfies NumberOf<"load16">:
        r[d] = view.getUint16((r[s]! + words[at - 1]!) >>> 0, true);
        r[d | 1] = 0;
        continue;
      case 40 satisfies NumberOf<"load32">:
        r[d] = view.getInt32((r[s]! + words[at - 1]!) >>> 0, true);
        r[d | 1] = 0;
        continue;
      case 41 satisfies NumberOf<"load64">: {
        const address = (r[s]! + words[at - 1]!) >>> 0;
        r[d] = view.getInt32(address, true);
        r[d | 1] = view.getInt32(address + 4, true);
        continue;
      }
      case 42 satisfies NumberOf<"loads8">: {
        const value = view.getInt8((r[s]! + words[at - 1]!) >>> 0);
        r[d] = value;
        r[d | 1] = value >> 31;
        continue;
      }
      case 43 satisfies NumberOf<"loads16">: {
        const value = view.getInt16((r[s]! + words[at - 1]!) >>> 0, true);
        r[d] = value;
        r[d | 1] = value >> 31;
        continue;
      }
      case 44 satisfies NumberOf<"loads32">: {
        const value = view.getInt32((r[s]! + words[at - 1]!) >>> 0, true);
        r[d] = value;
        r[d | 1] = value >> 31;
        continue;
      }
      case 45 satisfies NumberOf<"store8">:
        bytes[(r[d]! + words[at - 1]!) >>> 0] = r[s]!;
        continue;
      case 46 satisfies NumberOf<"store16">: {
        const address = (r[d]! + words[at - 1]!) >>> 0;
        bytes[address] = r[s]!;
        bytes[address + 1] = r[s]! >> 8;
        continue;
      }
      case 47 satisfies NumberOf<"store32">: {
        const address = (r[d]! + words[at - 1]!) >>> 0;
        if ((address & 3) === 0) memory32[address >>> 2] = r[s]!;
        else for (let i = 0; i < 4; i++) bytes[address + i] = r[s]! >> (8 * i);
        continue;
      }
      case 48 satisfies NumberOf<"store64">: {
        const address = (r[d]! + words[at - 1]!) >>> 0;
        if ((address & 3) === 0) {
          memory32[address >>> 2] = r[s]!;
          memory32[(address >>> 2) + 1] = r[s | 1]!;
        } else for (let i = 0; i < 8; i++) bytes[address + i] = r[i < 4 ? s : s | 1]! >> (8 * (i & 3));
        continue;
      }
      case 49 satisfies NumberOf<"jeq64">:
        if (r[d] === r[s] && r[d | 1] === r[s | 1]) at = words[at - 1]!;
        continue;
      case 50 satisfies NumberOf<"jne64">:
        if (r[d] !== r[s] || r[d | 1] !== r[s | 1]) at = words[at - 1]!;
        continue;
      case 51 satisfies NumberOf<"jset64">:
        if (((r[d]! & r[s]!) | (r[d | 1]! & r[s | 1]!)) !== 0) at = words[at - 1]!;
        continue;
      case 52 satisfies NumberOf<"jgt64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 > r[s]! >>> 0 : r[d | 1]! >>> 0 > r[s | 1]! >>> 0) at = words[at - 1]!;
        continue;
      case 53 satisfies NumberOf<"jge64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 >= r[s]! >>> 0 : r[d | 1]! >>> 0 > r[s | 1]! >>> 0) at = words[at - 1]!;
        continue;
      case 54 satisfies NumberOf<"jlt64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 < r[s]! >>> 0 : r[d | 1]! >>> 0 < r[s | 1]! >>> 0) at = words[at - 1]!;
        continue;
      case 55 satisfies NumberOf<"jle64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 <= r[s]! >>> 0 : r[d | 1]! >>> 0 < r[s | 1]! >>> 0) at = words[at - 1]!;
        continue;
      case 56 satisfies NumberOf<"jsgt64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 > r[s]! >>> 0 : r[d | 1]! > r[s | 1]!) at = words[at - 1]!;
        continue;
      case 57 satisfies NumberOf<"jsge64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 >= r[s]! >>> 0 : r[d | 1]! > r[s | 1]!) at = words[at - 1]!;
        continue;
      case 58 satisfies NumberOf<"jslt64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 < r[s]! >>> 0 : r[d | 1]! < r[s | 1]!) at = words[at - 1]!;
        continue;
      case 59 satisfies NumberOf<"jsle64">:
        if (r[d | 1] === r[s | 1] ? r[d]! >>> 0 <= r[s]! >>> 0 : r[d | 1]! < r[s | 1]!) at = words[at - 1]!;
        continue;
      case 60 satisfies NumberOf<"jeq32">:
        if (r[d] === r[s]) at = words[at - 1]!;
        continue;
      case 61 satisfies NumberOf<"jne32">:
        if (r[d] !== r[s]) at = words[at - 1]!;
        continue;
      case 62 satisfies NumberOf<"jset32">:
        if ((r[d]! & r[s]!) !== 0) at = words[at - 1]!;
        continue;
      case 63 satisfies NumberOf<"jgt32">:
        if (r[d]! >>> 0 > r[s]! >>> 0) at = words[at - 1]!;
        continue;
      case 64 satisfies NumberOf<"jge32">:
        if (r[d]! >>> 0 >= r[s]! >>> 0) at = words[at - 1]!;
        continue;
      case 65 satisfies NumberOf<"jlt32">:
        if (r[d]! >>> 0 < r[s]! >>> 0) at = words[at - 1]!;
        continue;
      case 66 satisfies NumberOf<"jle32">:
        if (r[d]! >>> 0 <= r[s]! >>> 0) at = words[at - 1]!;
        continue;
      case 67 satisfies NumberOf<"jsgt32">:
        if (r[d]! > r[s]!) at = words[at - 1]!;
        continue;
      case 68 satisfies NumberOf<"jsge32">:
        if (r[d]! >= r[s]!) at = words[at - 1]!;
        continue;
      case 69 satisfies NumberOf<"jslt32">:
        if (r[d]! < r[s]!) at = words[at - 1]!;
        continue;
      case 70 satisfies NumberOf<"jsle32">:
        if (r[d]! <= r[s]!) at = words[at - 1]!;
        continue;

      default:
        invariant(false, "every word of code begins an operation");
    }
  }
};
