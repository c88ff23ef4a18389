import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import { MAX_DEPTH } from "../limits.js";

/** Values that a byte may hold: members of unions share theirs, and unions of unions could multiply them without end. */
const MAX_VALUES_PER_BYTE = 8;
/** Values that a call may make whatever the size. */
const MIN_VALUES = 1 << 16;

/** Where a walk over a value stands: names what fails, and ends a walk without end. */
export class ValuePath {
  readonly #steps: (string | number)[] = [];
  readonly #btf: Btf;
  readonly #typeId: number;
  #left: number;

  /** @param size bytes of the value */
  constructor(btf: Btf, typeId: number, size: number) {
    this.#btf = btf;
    this.#typeId = typeId;
    this.#left = MIN_VALUES + MAX_VALUES_PER_BYTE * size;
  }

  /** Runs `step` one level deeper. */
  enter<T>(key: string | number, step: () => T): T {
    if (this.#steps.length >= MAX_DEPTH) throw this.error("TOO_DEEP", `nested deeper than ${MAX_DEPTH} levels`);
    if (--this.#left < 0) throw this.error("LIMIT", "too many values for its bytes");
    this.#steps.push(key);
    const result = step();
    this.#steps.pop();
    return result;
  }

  error(code: BtfError["code"], problem: string): BtfError {
    const steps = this.#steps.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
    return new BtfError(code, problem, `${this.#btf.typeName(this.#typeId)}${steps.join("")}`);
  }

  /** A structure's size doesn't have to cover its members, as BTF can claim anything: checks each scalar. */
  checkInside(bytes: Uint8Array, bitOffset: number, bitSize: number): void {
    if (bitOffset + bitSize > 8 * bytes.length) {
      throw this.error("VALUE_SIZE", `bits ${bitOffset}..${bitOffset + bitSize} lie outside of the value`);
    }
  }
}
