import type { ByteTargetName } from "./targets.js";

/** An input that a parser can't take: it threw what isn't a typed error, hung, or used up the memory. */
export interface ByteFinding {
  /** The same for inputs that show the same mistake. */
  readonly key: string;
  readonly detail: string;
  /** The smallest input that was found for it. */
  readonly input: Uint8Array;
}

/** What a worker is started with. */
export interface ByteTask {
  readonly target: ByteTargetName;
  /** See `ByteFuzzOptions.module`. */
  readonly module?: string | undefined;
  readonly seed: number;
  /** Inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Keys of findings that are known already. */
  readonly known: readonly string[];
  /** What is being run, see `WINDOW`. */
  readonly window: SharedArrayBuffer;
  /** True to run the only seed, once and without coverage. */
  readonly once: boolean;
}

/**
 * Words at the beginning of the window: a count of runs, the length of the input, whose bytes follow, and 1 while the
 * parser has it.
 */
export const WINDOW = { runs: 0, length: 1, busy: 2, words: 3 } as const;

export type ByteMessage =
  | { readonly kind: "interesting"; readonly input: Uint8Array }
  | { readonly kind: "finding"; readonly finding: ByteFinding }
  | { readonly kind: "covered"; readonly layouts: number }
  | { readonly kind: "ran" };
