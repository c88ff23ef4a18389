import { Btf, type BtfOptions } from "./btf.js";
import { BtfError } from "./errors.js";
import { forEachReference } from "./references.js";
import type { BtfType } from "./types.js";

/** Collects types into a `Btf`. Ids are given in order, so a type may refer to one that is added later. */
export class BtfBuilder {
  readonly #options: BtfOptions;
  readonly #types: BtfType[] = [];

  constructor(options: BtfOptions = {}) {
    this.#options = options;
  }

  /** The id that the next type gets. */
  get nextId(): number {
    return (this.#options.base?.typeCount ?? 1) + this.#types.length;
  }

  /** Adds a type and returns its id. */
  add(type: BtfType): number {
    const id = this.nextId;
    this.#types.push(type);
    return id;
  }

  /**
   * The types so far.
   *
   * @throws BtfError `NO_SUCH_TYPE` when one refers to an id that was never added.
   */
  build(): Btf {
    const count = this.nextId;
    for (const type of this.#types) {
      forEachReference(type, (id) => {
        if (Number.isInteger(id) && id >= 0 && id < count) return;
        throw new BtfError("NO_SUCH_TYPE", `a ${type.kind} refers to type ${id}, of ${count}`);
      });
    }
    return new Btf(this.#types, this.#options);
  }
}
