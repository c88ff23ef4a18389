import type { ProgramHost } from "../program-host.js";

/**
 * How an argument crosses from a program to its implementation. Everything that crosses is a 32-bit word:
 *
 * - `word`: the low 32 bits, for what C declares as `int` or `u32`
 * - `pointer`: an address; checked mode refuses one with high bits
 * - `long`: two words, low half first
 * - `frame`: no argument at all; the engine passes the caller's frame pointer, for helpers that call back
 */
export type Parameter = "word" | "pointer" | "long" | "frame";

/** The implementation itself: takes words, returns the low word and leaves the high one in `CELL.resultHigh`. */
export type WordFunction = (...words: number[]) => number;

/** A helper written in TypeScript. Its return class stands in the platform's table. */
export interface FunctionImplementation {
  readonly kind: "function";
  readonly parameters: readonly Parameter[];
  /** Makes the function for one loaded program. */
  readonly bind: (host: ProgramHost) => WordFunction;
}

/** A helper that an engine carries out itself, because it never returns to its caller. */
export interface TailCallImplementation {
  readonly kind: "tail_call";
}

export type HelperImplementation = FunctionImplementation | TailCallImplementation;

/** Implementations by the helper's name; the platform's table says which number a name has. */
export type HelperTable = Readonly<Record<string, HelperImplementation>>;

/** Shorthand for a row of a helper table. */
export const helper = (
  parameters: readonly Parameter[],
  bind: FunctionImplementation["bind"],
): FunctionImplementation => ({ kind: "function", parameters, bind });

/** Which of the ten words of r1..r5 an implementation takes; `frame` stands for the frame pointer. */
export const wordsOf = (parameters: readonly Parameter[]): readonly (number | "frame")[] => {
  const words: (number | "frame")[] = [];
  let register = 0;
  for (const parameter of parameters) {
    if (parameter === "frame") {
      words.push("frame");
      continue;
    }
    words.push(2 * register);
    if (parameter === "long") words.push(2 * register + 1);
    register++;
  }
  return words;
};
