import { joinHalves } from "@ebpf/core";
import { RuntimeFault } from "../errors.js";
import { CELL, FRAME_SIZE, MAX_FRAMES, MAX_MAY_GOTO, STACK_LIMIT } from "../layout.js";
import type { LinearMemory } from "../linear-memory.js";
import { type Cells, HALT, pairOf, REGISTERS, type Step } from "./step.js";

const R0 = pairOf(0);
const R6 = pairOf(6);
const R10 = pairOf(10);

/** What a call saves: the step to return to, the caller's `may_goto` count and frame, r6..r9. */
const SAVED_WORDS = 11;

/** The state of an interpreted program, and its run loop. */
export class Machine {
  readonly memory: LinearMemory;
  readonly cells: Cells;
  readonly steps: Step[] = [];
  /** The pair through which helpers are given the frame pointer. */
  readonly framePair: number;
  /** The end of the current stack frame; r10 holds the same unless an unverified program overwrote it. */
  frame = 0;
  /** How often the current function's `may_goto` still falls through. */
  mayGoto = 0;
  /** Every save but the last takes a stack frame, so there are at most as many as frames. */
  readonly #saved = new Int32Array(SAVED_WORDS * MAX_FRAMES);
  /** Words of `#saved` in use, and how many of them belong to whoever started the current loop. */
  #top = 0;
  #base = 0;
  #constants = pairOf(REGISTERS);

  /** @param slots instructions of the program; each has at most one immediate */
  constructor(memory: LinearMemory, slots: number) {
    this.memory = memory;
    this.cells = new Int32Array(pairOf(REGISTERS + slots + 1));
    this.framePair = this.constant(0, 0);
  }

  /** Puts a constant behind the registers and returns its pair. */
  constant(low: number, high: number): number {
    const pair = this.#constants;
    this.cells[pair] = low;
    this.cells[pair + 1] = high;
    this.#constants += 2;
    return pair;
  }

  /** The unsigned value of a register. */
  register(index: number): bigint {
    const pair = pairOf(index);
    return joinHalves(this.cells[pair]!, this.cells[pair + 1]!);
  }

  /** Runs the program from its first step. */
  enter(r1: number, r2: number, frame: number): number {
    const { cells } = this;
    cells.fill(0, 0, pairOf(REGISTERS));
    cells[pairOf(1)] = r1;
    cells[pairOf(2)] = r2;
    return this.#nested(0, frame);
  }

  /** Runs the function at `pc` in the frame that ends at `frame`, in the middle of a helper; r6..r9 survive. */
  callback(pc: number, frame: number, words: readonly number[]): number {
    this.#save(HALT, this.frame);
    words.forEach((word, index) => {
      this.cells[2 + index] = word;
    });
    const result = this.#nested(pc, frame);
    this.#restore();
    return result;
  }

  /** Runs from step `start` in a loop of its own, until the function that begins there returns. */
  #nested(start: number, frame: number): number {
    const { frame: outerFrame, mayGoto } = this;
    const base = this.#base;
    const top = this.#top;
    this.#base = top;
    this.#openFrame(frame);
    try {
      const { steps } = this;
      let index = start;
      while (index !== HALT) index = steps[index]!();
    } finally {
      this.#base = base;
      this.#top = top;
      this.mayGoto = mayGoto;
      this.#setFrame(outerFrame);
    }
    this.memory.setCell(CELL.resultHigh, this.cells[R0 + 1]!);
    return this.cells[R0]!;
  }

  /**
   * Enters a subprogram.
   *
   * @param next the step to return to
   * @throws RuntimeFault `CALL_DEPTH`
   */
  call(next: number, pc: number): void {
    if (this.frame - 2 * FRAME_SIZE < STACK_LIMIT) {
      throw new RuntimeFault("CALL_DEPTH", "more nested calls than stack frames", pc);
    }
    this.#save(next, this.frame);
    this.#openFrame(this.frame - FRAME_SIZE);
  }

  /** Leaves the current function and returns the step that comes next. */
  exit(): number {
    if (this.#top === this.#base) return HALT;
    return this.#restore();
  }

  #openFrame(frame: number): void {
    this.mayGoto = MAX_MAY_GOTO;
    this.#setFrame(frame);
  }

  #setFrame(frame: number): void {
    this.frame = frame;
    this.cells[R10] = frame;
    this.cells[R10 + 1] = 0;
  }

  #save(next: number, frame: number): void {
    const top = this.#top;
    const saved = this.#saved;
    saved[top] = next;
    saved[top + 1] = this.mayGoto;
    saved[top + 2] = frame;
    for (let i = 0; i < 8; i++) saved[top + 3 + i] = this.cells[R6 + i]!;
    this.#top = top + SAVED_WORDS;
  }

  #restore(): number {
    this.#top -= SAVED_WORDS;
    const top = this.#top;
    const saved = this.#saved;
    this.mayGoto = saved[top + 1]!;
    this.#setFrame(saved[top + 2]!);
    for (let i = 0; i < 8; i++) this.cells[R6 + i] = saved[top + 3 + i]!;
    return saved[top]!;
  }
}
