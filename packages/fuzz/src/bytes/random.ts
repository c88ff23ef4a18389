/** A small generator of numbers that only depend on its seed (xorshift32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Zero would stay zero; neighbouring seeds are spread apart.
    this.#state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) >>> 0 || 1;
  }

  /** An integer from 0 to `bound` - 1; 0 for a bound of 0. */
  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return bound === 0 ? 0 : this.#state % bound;
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)]!;
  }
}
