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
 * Times calls of a function from JavaScript. The loop is a function of its own for each contestant: one loop for all
 * would lose V8's inlined call once it has seen a few of them.
 */
export const timedLoop = (enter: () => number): ((runs: number) => number) => {
  const loop = new Function("enter", "runs", "let r = 0; for (let i = 0; i < runs; i++) r = enter(); return r;") as (
    enter: () => number,
    runs: number,
  ) => number;
  return (runs) => {
    const begin = performance.now();
    loop(enter, runs);
    return 1e6 * (performance.now() - begin);
  };
};
