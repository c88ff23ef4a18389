import type { MapSpec } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import type { Runtime } from "../runtime.js";
import { badMap, RuntimeMap, UPDATE_FLAGS } from "./runtime-map.js";

/** `queue` and `stack`: values without keys. `oldest` in the header is the index of the oldest value in the ring. */
export class QueueMap extends RuntimeMap {
  readonly #base: number;
  readonly #isStack: boolean;

  constructor(spec: MapSpec, runtime: Runtime) {
    if (spec.keySize !== 0) throw badMap(spec, "there are no keys");
    super(spec, runtime);
    this.#isStack = spec.type === "stack";
    this.#base = this.memory.allocate(this.stride * spec.maxEntries, `map ${spec.name}`);
    this.setHeader("data", this.#base);
    this.setHeader("entrySize", this.stride);
  }

  /** Values in the map. */
  get size(): number {
    return this.header("count");
  }

  permits(): boolean {
    return false;
  }

  override programPush(value: number, flags: number): number {
    return this.programWriteError() || this.#push((slot) => this.#copy(slot, value), flags);
  }

  override programPop(value: number): number {
    return this.programWriteError() || this.#take(value, true);
  }

  override programPeek(value: number): number {
    return this.#take(value, false);
  }

  /**
   * Appends a value.
   *
   * @param flags `UPDATE_FLAGS.exist` drops the oldest value of a full map
   * @returns 0 or a negative error number
   * @throws RuntimeError `BAD_LENGTH`
   */
  push(value: Uint8Array, flags: number = UPDATE_FLAGS.any): number {
    this.requireLength("value", value, this.spec.valueSize);
    return this.hostWriteError() || this.#push((slot) => this.memory.bytes.set(value, slot), flags);
  }

  /** Takes the next value out: a queue's oldest, a stack's newest. */
  pop(): Uint8Array | undefined {
    const value = this.peek();
    if (value !== undefined && this.hostWriteError() === 0) this.#drop();
    return value;
  }

  /** A copy of the next value. */
  peek(): Uint8Array | undefined {
    return this.size === 0 ? undefined : this.memory.copyOut(this.#next(), this.spec.valueSize);
  }

  #slot(index: number): number {
    return this.#base + (index % this.spec.maxEntries) * this.stride;
  }

  /** Address of the value that comes out next. */
  #next(): number {
    return this.#slot(this.header("oldest") + (this.#isStack ? this.size - 1 : 0));
  }

  #drop(): void {
    if (!this.#isStack) this.setHeader("oldest", (this.header("oldest") + 1) % this.spec.maxEntries);
    this.setHeader("count", this.size - 1);
  }

  #push(write: (slot: number) => void, flags: number): number {
    if (flags !== UPDATE_FLAGS.any && flags !== UPDATE_FLAGS.exist) return -ERRNO.EINVAL;
    if (this.size === this.spec.maxEntries) {
      if (flags !== UPDATE_FLAGS.exist) return -ERRNO.E2BIG;
      this.setHeader("oldest", (this.header("oldest") + 1) % this.spec.maxEntries);
      this.setHeader("count", this.size - 1);
    }
    write(this.#slot(this.header("oldest") + this.size));
    this.setHeader("count", this.size + 1);
    return 0;
  }

  /** Copies the next value to `target`; an empty map leaves zeros there. */
  #take(target: number, drop: boolean): number {
    if (this.size === 0) {
      this.memory.bytes.fill(0, target, target + this.spec.valueSize);
      return -ERRNO.ENOENT;
    }
    this.#copy(target, this.#next());
    if (drop) this.#drop();
    return 0;
  }

  #copy(target: number, source: number): void {
    this.memory.bytes.copyWithin(target, source, source + this.spec.valueSize);
  }
}
