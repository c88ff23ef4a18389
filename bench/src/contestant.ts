import { randomUUID } from "node:crypto";

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
 * Times a call from JavaScript, an expression with `target`. Caller and loop are made anew for each contestant: shared ones would lose
 * V8's inlined call once they have seen a few functions. V8 also takes equal source for the same function, so none is equal.
 */
export const timedLoop = (call: string, target: unknown): ((runs: number) => number) => {
  const source = `let r = 0; for (let i = 0; i < runs; i++) r = ${call}; return r; // ${randomUUID()}`;
  const loop = new Function("target", "runs", source) as (target: unknown, runs: number) => number;
  return (runs) => {
    const begin = performance.now();
    loop(target, runs);
    return 1e6 * (performance.now() - begin);
  };
};
