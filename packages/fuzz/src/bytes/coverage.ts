import { type Profiler, Session } from "node:inspector";

/** Functions of scripts whose address matches are looked at; the rest is Node's and ours. */
export interface CoverageOptions {
  readonly include: (url: string) => boolean;
}

/** What V8's inspector tells of the code that ran in this thread. */
export class Coverage {
  readonly #session = new Session();
  readonly #include: CoverageOptions["include"];
  readonly #ofOne = new Set<string>();
  readonly #ofMany = new Set<string>();

  constructor({ include }: CoverageOptions) {
    this.#include = include;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** How many ways through functions single runs went. */
  get size(): number {
    return this.#ofOne.size;
  }

  /**
   * True when a function ran, since the last question, through a set of blocks that it never ran through before.
   *
   * @param runs how many runs there were: what many of them reach together is no news of a single one
   */
  isNew(runs: "one" | "many"): boolean {
    const seen = runs === "one" ? this.#ofOne : this.#ofMany;
    const before = seen.size;
    // A session of one's own thread answers before `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (_, { result }) => {
      for (const { scriptId, url, functions } of result) {
        if (!this.#include(url)) continue;
        for (const { ranges } of functions) seen.add(`${scriptId}:${layoutOf(ranges)}`);
      }
    });
    return seen.size > before;
  }
}

/** The blocks of a function with whether they ran; how often doesn't matter, and would never stop being new. */
const layoutOf = (ranges: readonly Profiler.CoverageRange[]): string =>
  ranges.map(({ startOffset, endOffset, count }) => `${startOffset}-${endOffset}${count > 0 ? "+" : ""}`).join();
