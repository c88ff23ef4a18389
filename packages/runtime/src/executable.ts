import type { ProgramSpec } from "@ebpf/platform";
import type { RuntimeMap } from "./maps/runtime-map.js";

/** How a program is to be run. */
export interface ExecutionOptions {
  /**
   * False only for a program that a verifier accepted: then nothing is checked at run time. True checks every access
   * on its full 64-bit address, every call, and the instruction budget.
   */
  readonly checked: boolean;
  /** Instructions that one run may take, at most 2^31 - 1; only in checked mode. Default: 100 million. */
  readonly budget?: number;
  /** The program's maps by handle. Default: new ones, made from the program's own descriptions. */
  readonly maps?: ReadonlyMap<number, RuntimeMap>;
}

/** Instructions that a run may take when nothing else is said. */
export const DEFAULT_BUDGET = 100_000_000;

/** A loaded program, interpreted or compiled. */
export interface Executable {
  readonly spec: ProgramSpec;
  readonly budget: number;
  /**
   * Runs the program from its first instruction, on a state that `Runtime.begin` has prepared.
   *
   * @param r1 low word of r1; the high word is 0
   * @param r2 low word of r2
   * @param frame r10: the end of the stack frame
   * @returns the low word of r0; its high word is left in `CELL.resultHigh`
   */
  enter(r1: number, r2: number, frame: number): number;
  /**
   * A whole run, where an engine has a shorter way than `Runtime.begin` and `enter` in the topmost frame.
   *
   * @returns the low word of r0, signed
   */
  run?(r1: number): number;
  /**
   * The same on `count` packets, which lie one behind the other from `PACKET_BASE` on, each with its bounds and a context that
   * describes it. Only of programs that take packets.
   *
   * @param words address, a multiple of 4, of a word for each packet: its length, which the low word of r0 replaces
   */
  runOnPackets?(count: number, words: number): void;
}
