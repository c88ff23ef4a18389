import { invariant, joinHalves } from "@ebpf/core";
import { RuntimeError } from "../errors.js";
import { type Cells, CONSTANTS } from "./cells.js";
import { OPCODE, type Opcode } from "./opcode.js";

/** What `run` leaves to a function: does its work and returns the index of the operation that comes next. */
export type Action = () => number;

/** A program as `run` takes it. */
export interface Code {
  /**
   * Two words for each operation:
   *
   * ```
   *   0        7     12                    32                              64 bits
   *  ┌────────┬─────┬─────────────────────┬───────────────────────────────┐
   *  │ opcode │ dst │         src         │            operand            │
   *  └────────┴─────┴─────────────────────┴───────────────────────────────┘
   * ```
   *
   * `dst` and `src` are cells; where an operation may need an action, `src` or the operand is its number. The operand
   * is the displacement of a load or store, the index that a jump goes to, or the cost of a charge.
   */
  readonly words: Int32Array;
  readonly cells: Cells;
  readonly actions: readonly Action[];
  /** Index of each slot's first operation. */
  readonly starts: Int32Array;
}

/** Where the operation stands that ends every function. */
export const EXIT = 0;

const SRC_LIMIT = 2 ** 20;

/** Takes operations one after the other. */
export class CodeBuilder {
  readonly cells: Cells;
  readonly #words: number[] = [];
  readonly #actions: Action[] = [];
  readonly #constants = new Map<bigint, number>();

  /** @param slots of the program; each has at most one immediate */
  constructor(slots: number) {
    this.cells = new Int32Array(CONSTANTS + 2 * slots);
    this.emit("exit", 0, 0);
  }

  /** Index of the operation that is emitted next. */
  get here(): number {
    return this.#words.length;
  }

  /**
   * Appends an operation.
   *
   * @returns its index
   * @throws RuntimeError `LIMIT` for a program with too many immediates or actions
   */
  emit(name: Opcode, dst: number, src: number, operand = 0): number {
    if (src >= SRC_LIMIT) throw new RuntimeError("LIMIT", "the program is too large to be interpreted");
    return this.#words.push(OPCODE[name] | (dst << 7) | (src << 12), operand) - 2;
  }

  /** Appends an action. */
  act(action: Action): number {
    return this.emit("action", 0, this.action(action));
  }

  /** The number of an action that another operation refers to. */
  action(action: Action): number {
    return this.#actions.push(action) - 1;
  }

  /** Sets the operand of an operation that was emitted before. */
  patch(index: number, operand: number): void {
    this.#words[index + 1] = operand;
  }

  /** The pair of a constant. */
  constant(low: number, high: number): number {
    const value = joinHalves(low, high);
    const known = this.#constants.get(value);
    if (known !== undefined) return known;
    const pair = CONSTANTS + 2 * this.#constants.size;
    invariant(pair < this.cells.length, "a slot has one immediate at most");
    this.#constants.set(value, pair);
    this.cells[pair] = low;
    this.cells[pair + 1] = high;
    return pair;
  }

  finish(starts: Int32Array): Code {
    return { words: Int32Array.from(this.#words), cells: this.cells, actions: this.#actions, starts };
  }
}
