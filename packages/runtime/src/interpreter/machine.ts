import { CELL, MAX_MAY_GOTO } from "../layout.js";
import type { LinearMemory } from "../linear-memory.js";
import { FRAME, MAY_GOTO, pairOf, R0, R1, R10, REGISTERS, SAVED, SAVED_BASE, SAVED_END } from "./cells.js";
import type { Code } from "./code.js";
import { HALT, run } from "./run.js";

/** Registers that a helper leaves as they were, r1..r10, in cells. */
const KEPT = FRAME - R1;

/** Runs the functions of a translated program. */
export class Machine {
  readonly #memory: LinearMemory;
  readonly #code: Code;

  constructor(memory: LinearMemory, code: Code) {
    this.#memory = memory;
    this.#code = code;
    code.cells[SAVED_BASE] = SAVED;
    code.cells[SAVED_END] = SAVED;
  }

  /** Runs the program from its first instruction; see `Executable.enter`. */
  enter(r1: number, r2: number, frame: number): number {
    const { cells } = this.#code;
    cells.fill(0, 0, pairOf(REGISTERS));
    cells[R1] = r1;
    cells[R1 + 2] = r2;
    return this.#run(0, frame);
  }

  /** Runs the function at `pc` in the frame that ends at `frame`, in the middle of a helper: r1..r10 survive. */
  callback(pc: number, frame: number, words: readonly number[]): number {
    const { cells } = this.#code;
    const kept = cells.slice(R1, R1 + KEPT);
    for (let i = 0; i < words.length; i++) cells[R1 + i] = words[i]!;
    const result = this.#run(pc, frame);
    // r10 with them: an unverified program may have overwritten it.
    cells.set(kept, R1);
    return result;
  }

  /** Runs in a loop of its own from slot `pc` until the function that begins there returns. */
  #run(pc: number, frame: number): number {
    const { words, cells, actions, starts } = this.#code;
    const outerFrame = cells[FRAME]!;
    const mayGoto = cells[MAY_GOTO]!;
    const base = cells[SAVED_BASE]!;
    const end = cells[SAVED_END]!;
    cells[SAVED_BASE] = end;
    cells[MAY_GOTO] = MAX_MAY_GOTO;
    this.#setFrame(frame);
    try {
      let action = run(words, cells, this.#memory, starts[pc]!);
      while (action !== HALT) action = run(words, cells, this.#memory, actions[action]!());
    } finally {
      cells[SAVED_BASE] = base;
      cells[SAVED_END] = end;
      cells[MAY_GOTO] = mayGoto;
      this.#setFrame(outerFrame);
    }
    this.#memory.setCell(CELL.resultHigh, cells[R0 + 1]!);
    return cells[R0]!;
  }

  #setFrame(frame: number): void {
    const { cells } = this.#code;
    cells[FRAME] = frame;
    cells[R10] = frame;
    cells[R10 + 1] = 0;
  }
}
