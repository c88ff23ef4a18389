import { withoutFlavour } from "./co-re/flavour.js";
import type { TypeSource } from "./type-source.js";

/** Finds types by name, whatever their flavour. Types of one name form a chain. */
export class NameIndex {
  /** First index of each name. */
  readonly #first = new Map<string, number>();
  /** The next index of the same name, by index; 0 ends the chain, as index 0 is always a first. */
  readonly #next: Uint32Array;

  constructor(types: TypeSource) {
    this.#next = new Uint32Array(types.count);
    // From the last to the first, so that chains lead upwards.
    for (let index = types.count - 1; index >= 0; index--) {
      const name = withoutFlavour(types.nameAt(index));
      if (name === "") continue;
      this.#next[index] = this.#first.get(name) ?? 0;
      this.#first.set(name, index);
    }
  }

  /** Indexes of the types whose name is `name` without its flavour, in order. */
  find(name: string): number[] {
    const found: number[] = [];
    const first = this.#first.get(name);
    if (first === undefined) return found;
    found.push(first);
    for (let next = this.#next[first]!; next !== 0; next = this.#next[next]!) found.push(next);
    return found;
  }
}
