import type { Progress as VerifierProgress } from "@ebpf/verifier";
import type { Output } from "./output.js";

/**
 * Tells a waiting person, once a second, how far a long piece of work is. Says nothing when it takes less than a second
 * or when nobody watches.
 */
export class Progress {
  readonly #output: Output;
  readonly #now: () => number;
  #last: number;

  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
    this.#last = now();
  }

  /** A hook for the verifier, which asks it often whether to abort: says that work is going on, and never aborts. */
  verifying(program: string): (progress: VerifierProgress) => boolean {
    const begin = this.#now();
    return ({ processedInstructions }) => {
      const seconds = Math.round((this.#now() - begin) / 1000);
      this.tick(() => `verifying ${program}, ${processedInstructions} instructions in ${seconds} s so far`);
      return false;
    };
  }

  /** Call often; `text` is only made when a second has passed. */
  tick(text: () => string): void {
    if (!this.#output.interactive || this.#now() - this.#last < 1000) return;
    this.#last = this.#now();
    this.#output.note(text());
  }
}
