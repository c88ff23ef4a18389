import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import type { Runtime } from "../runtime.js";
import { type EntryPlace, KeyedMap } from "./keyed-map.js";
import { badMap, UPDATE_FLAGS } from "./runtime-map.js";

/** `array` and `percpu_array`: every entry exists from the start. */
export class ArrayMap extends KeyedMap {
  readonly #cpus: number;
  readonly #entrySize: number;
  readonly #base: number;

  constructor(spec: MapSpec, runtime: Runtime) {
    if (spec.keySize !== 4) throw badMap(spec, `keys have 4 bytes, not ${spec.keySize}`);
    super(spec, runtime);
    this.#cpus = spec.type === "percpu_array" ? runtime.cpus : 1;
    this.#entrySize = this.stride * this.#cpus;
    this.#base = this.memory.allocate(this.#entrySize * spec.maxEntries, `map ${spec.name}`);
    this.setHeader("data", this.#base);
    this.setHeader("entrySize", this.#entrySize);
    this.setHeader("count", spec.maxEntries);
  }

  override get cpus(): number {
    return this.#cpus;
  }

  override get valuesAddress(): number {
    return this.#base;
  }

  permits(address: number, size: number, write: boolean): boolean {
    const offset = address - this.#base;
    if (offset < 0 || offset >= this.#entrySize * this.spec.maxEntries) return false;
    if (write && this.isReadOnly) return false;
    return (offset % this.stride) + size <= this.spec.valueSize;
  }

  /** Whether programs may only read. */
  protected get isReadOnly(): boolean {
    return this.spec.frozen === true || (this.spec.flags & MAP_FLAGS.readOnlyProgram) !== 0;
  }

  protected find(key: number): number {
    const index = this.memory.view.getUint32(key, true);
    return index < this.spec.maxEntries ? this.#base + index * this.#entrySize : 0;
  }

  protected prepare(key: number, flags: number): number {
    if (flags > UPDATE_FLAGS.exist) return -ERRNO.EINVAL;
    const value = this.find(key);
    if (value === 0) return -ERRNO.E2BIG;
    return flags === UPDATE_FLAGS.noExist ? -ERRNO.EEXIST : value;
  }

  protected remove(_key: number): number {
    return -ERRNO.EINVAL;
  }

  protected *places(staging: number): Iterable<EntryPlace> {
    for (let index = 0; index < this.spec.maxEntries; index++) {
      this.memory.view.setUint32(staging, index, true);
      yield { key: staging, value: this.#base + index * this.#entrySize };
    }
  }
}
