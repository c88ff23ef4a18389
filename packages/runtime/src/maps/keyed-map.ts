import { RuntimeError } from "../errors.js";
import { CELL } from "../layout.js";
import { RuntimeMap, UPDATE_FLAGS } from "./runtime-map.js";

/** Where an entry lies: its key (in the map's own memory, or staged), and its value for CPU 0. */
export interface EntryPlace {
  readonly key: number;
  readonly value: number;
}

/**
 * A map with keys. A subclass says where entries lie; the operations of program and host are the same for all.
 * "Value" below is the first byte of the values of all CPUs, `stride` bytes apart.
 */
export abstract class KeyedMap extends RuntimeMap {
  /** The value at the key at `key`, or 0. */
  protected abstract find(key: number): number;

  /**
   * The value to be written for the key at `key`, made when it is new.
   *
   * @returns its address, or a negative error number
   */
  protected abstract prepare(key: number, flags: number): number;

  /** Removes the entry. @returns 0 or a negative error number */
  protected abstract remove(key: number): number;

  /** All entries; removing the current one is allowed. An array's keys are staged at `staging`. */
  protected abstract places(staging: number): Iterable<EntryPlace>;

  /** Called when a program looked an entry up. */
  protected touch(_value: number): void {}

  override *innerMaps(): Iterable<RuntimeMap> {
    if (!this.spec.type.endsWith("_of_maps")) return;
    for (const { value } of this.places(CELL.hostKey)) {
      const inner = this.runtime.mapAt(this.memory.cell(value));
      if (inner !== undefined) yield inner;
    }
  }

  override programLookup(key: number): number {
    const value = this.find(key);
    if (value === 0) return 0;
    this.touch(value);
    return this.cpus === 1 ? value : value + this.runtime.cpu() * this.stride;
  }

  override programLookupOnCpu(key: number, cpu: number): number {
    if (cpu >= this.cpus) return 0;
    const value = this.find(key);
    return value === 0 ? 0 : value + cpu * this.stride;
  }

  override programUpdate(key: number, value: number, flags: number): number {
    const refused = this.programWriteError();
    if (refused !== 0) return refused;
    const target = this.prepare(key, flags);
    if (target < 0) return target;
    const cpu = this.cpus === 1 ? 0 : this.runtime.cpu();
    this.memory.bytes.copyWithin(target + cpu * this.stride, value, value + this.spec.valueSize);
    return 0;
  }

  override programDelete(key: number): number {
    return this.programWriteError() || this.remove(key);
  }

  override *programEntries(frame: number): Iterable<readonly [number, number]> {
    const offset = this.cpus === 1 ? 0 : this.runtime.cpu() * this.stride;
    for (const { key, value } of this.places(callbackKey(frame))) yield [key, value + offset];
  }

  /**
   * A copy of the value at a key.
   *
   * @param key `keySize` bytes
   * @returns `valueSize` bytes, or `undefined` when there is no entry
   * @throws RuntimeError `BAD_LENGTH`; `BAD_OPERATION` for a per-CPU map
   */
  lookup(key: Uint8Array): Uint8Array | undefined {
    this.#requireOneCpu("lookupPerCpu");
    return this.lookupPerCpu(key)?.[0];
  }

  /** Copies of the value of each CPU; of the one value for a map that is not per-CPU. @throws RuntimeError `BAD_LENGTH` */
  lookupPerCpu(key: Uint8Array): Uint8Array[] | undefined {
    const value = this.find(this.#stage(key));
    return value === 0 ? undefined : this.#copies(value);
  }

  /**
   * Writes an entry.
   *
   * @param flags one of `UPDATE_FLAGS`
   * @returns 0, or a negative error number as the kernel gives it, such as -E2BIG
   * @throws RuntimeError `BAD_LENGTH`; `BAD_OPERATION` for a per-CPU map
   */
  update(key: Uint8Array, value: Uint8Array, flags: number = UPDATE_FLAGS.any): number {
    this.#requireOneCpu("updatePerCpu");
    return this.updatePerCpu(key, [value], flags);
  }

  /** The same with a value for each CPU. @throws RuntimeError `BAD_LENGTH` */
  updatePerCpu(key: Uint8Array, values: readonly Uint8Array[], flags: number = UPDATE_FLAGS.any): number {
    if (values.length !== this.cpus) {
      throw new RuntimeError("BAD_LENGTH", `map ${this.spec.name} takes ${this.cpus} values, not ${values.length}`);
    }
    for (const value of values) this.requireLength("value", value, this.spec.valueSize);
    const staged = this.#stage(key);
    const refused = this.hostWriteError();
    if (refused !== 0) return refused;
    const target = this.prepare(staged, flags);
    if (target < 0) return target;
    values.forEach((value, cpu) => {
      this.memory.bytes.set(value, target + cpu * this.stride);
    });
    return 0;
  }

  /**
   * Writes an entry as the map's maker: whatever its flags say, with the value that it begins with, for every CPU.
   *
   * @returns 0 or a negative error number
   * @throws RuntimeError `BAD_LENGTH`
   */
  initialize(key: Uint8Array, value: Uint8Array): number {
    if (value.length > this.spec.valueSize) this.requireLength("value", value, this.spec.valueSize);
    const target = this.prepare(this.#stage(key), UPDATE_FLAGS.any);
    if (target < 0) return target;
    for (let cpu = 0; cpu < this.cpus; cpu++) this.memory.bytes.set(value, target + cpu * this.stride);
    return 0;
  }

  /** Removes an entry. @returns 0 or a negative error number. @throws RuntimeError `BAD_LENGTH` */
  delete(key: Uint8Array): number {
    const staged = this.#stage(key);
    return this.hostWriteError() || this.remove(staged);
  }

  /** Writes entries until one fails. @returns how many were written, and 0 or the error number of the one that failed. */
  updateBatch(
    entries: Iterable<readonly [Uint8Array, Uint8Array]>,
    flags: number = UPDATE_FLAGS.any,
  ): { readonly count: number; readonly error: number } {
    let count = 0;
    for (const [key, value] of entries) {
      const error = this.update(key, value, flags);
      if (error !== 0) return { count, error };
      count++;
    }
    return { count, error: 0 };
  }

  /** Copies of all entries. @throws RuntimeError `BAD_OPERATION` for a per-CPU map */
  *entries(): IterableIterator<[key: Uint8Array, value: Uint8Array]> {
    this.#requireOneCpu("entriesPerCpu");
    for (const [key, values] of this.entriesPerCpu()) yield [key, values[0]!];
  }

  /** Copies of all entries with the values of each CPU. */
  *entriesPerCpu(): IterableIterator<[key: Uint8Array, values: Uint8Array[]]> {
    for (const { key, value } of this.places(CELL.hostKey)) {
      yield [this.memory.copyOut(key, this.spec.keySize), this.#copies(value)];
    }
  }

  #copies(value: number): Uint8Array[] {
    return Array.from({ length: this.cpus }, (_, cpu) =>
      this.memory.copyOut(value + cpu * this.stride, this.spec.valueSize),
    );
  }

  #stage(key: Uint8Array): number {
    this.requireLength("key", key, this.spec.keySize);
    this.memory.bytes.set(key, CELL.hostKey);
    return CELL.hostKey;
  }

  #requireOneCpu(instead: string): void {
    if (!this.spec.type.includes("percpu")) return;
    throw new RuntimeError("BAD_OPERATION", `map ${this.spec.name} has a value for each CPU`, {
      hint: `use ${instead}`,
    });
  }
}

/** Where the key of an array entry is staged for the callback of a helper that runs in `frame`. */
const callbackKey = (frame: number): number => CELL.callbackKeys + ((frame >>> 9) & 7) * 8;
