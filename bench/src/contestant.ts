/** What is measured against each other. */
export const ENGINES = ["interpreter", "baseline", "optimized", "kernel", "native", "clangWasm"] as const;
export type EngineName = (typeof ENGINES)[number];

/** A program in one engine, with its input in place, to be run again and again. */
export interface Contestant {
  readonly engine: EngineName;
  /** The low 32 bits of what the program returns, unsigned. */
  readonly result: number;
  /** Runs the program so often and tells how many nanoseconds all of that took. */
  readonly time: (runs: number) => number;
}

/**
 * Times calls of a function from JavaScript. Caller and loop are made anew for each contestant: shared ones would lose
 * V8's inlined call once they have seen a few functions.
 */
export const timedLoop = (
  enter: (...words: number[]) => number,
  words: readonly number[] = [],
): ((runs: number) => number) => {
  const source = `let r = 0; for (let i = 0; i < runs; i++) r = enter(${words}); return r;`;
  const loop = new Function("enter", "runs", source) as (enter: unknown, runs: number) => number;
  return (runs) => {
    const begin = performance.now();
    loop(enter, runs);
    return 1e6 * (performance.now() - begin);
  };
};
