import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import { MAX_KEY_SIZE } from "../layout.js";
import type { Runtime } from "../runtime.js";
import { hashKey, sameKey } from "./hash-function.js";
import { type EntryPlace, KeyedMap } from "./keyed-map.js";
import { HASH_ELEMENT, roundUp8 } from "./layout.js";
import { badMap, UPDATE_FLAGS } from "./runtime-map.js";

/**
 * `hash`, `percpu_hash` and their LRU variants. Elements never move while they are in the map, so a program may keep
 * the address of a value. An LRU map that is full drops its least recently used entry.
 */
export class HashMap extends KeyedMap {
  readonly #cpus: number;
  readonly #isLru: boolean;
  readonly #valueOffset: number;
  readonly #elementSize: number;
  readonly #elements: number;
  readonly #buckets: number;
  readonly #mask: number;

  constructor(spec: MapSpec, runtime: Runtime) {
    if (spec.keySize < 1 || spec.keySize > MAX_KEY_SIZE) {
      throw badMap(spec, `keys have 1 to ${MAX_KEY_SIZE} bytes, not ${spec.keySize}`);
    }
    super(spec, runtime);
    this.#cpus = spec.type.includes("percpu") ? runtime.cpus : 1;
    this.#isLru = spec.type.startsWith("lru");
    this.#valueOffset = HASH_ELEMENT.key + roundUp8(spec.keySize);
    this.#elementSize = this.#valueOffset + this.stride * this.#cpus;
    const buckets = 2 ** Math.ceil(Math.log2(spec.maxEntries));
    this.#mask = buckets - 1;
    this.#buckets = this.memory.allocate(4 * buckets, `map ${spec.name}`);
    this.#elements = this.memory.allocate(this.#elementSize * spec.maxEntries, `map ${spec.name}`);
    this.setHeader("data", this.#elements);
    this.setHeader("entrySize", this.#elementSize);
    this.setHeader("buckets", this.#buckets);
    this.setHeader("bucketMask", this.#mask);
  }

  override get cpus(): number {
    return this.#cpus;
  }

  /** Entries in the map. */
  get size(): number {
    return this.header("count");
  }

  permits(address: number, size: number, write: boolean): boolean {
    const offset = address - this.#elements;
    if (offset < 0 || offset >= this.#elementSize * this.header("fresh")) return false;
    const inElement = offset % this.#elementSize;
    if (inElement < this.#valueOffset) {
      const inKey = inElement - HASH_ELEMENT.key;
      return !write && inKey >= 0 && inKey + size <= this.spec.keySize;
    }
    if (write && this.spec.flags & MAP_FLAGS.readOnlyProgram) return false;
    return ((inElement - this.#valueOffset) % this.stride) + size <= this.spec.valueSize;
  }

  protected find(key: number): number {
    const element = this.#elementOf(key, hashKey(this.memory.view, key, this.spec.keySize));
    return element === 0 ? 0 : element + this.#valueOffset;
  }

  protected override touch(value: number): void {
    if (!this.#isLru) return;
    const element = value - this.#valueOffset;
    if (this.header("newest") === element) return;
    this.#unlink(element);
    this.#linkNewest(element);
  }

  protected prepare(key: number, flags: number): number {
    if (flags > UPDATE_FLAGS.exist) return -ERRNO.EINVAL;
    const hash = hashKey(this.memory.view, key, this.spec.keySize);
    const known = this.#elementOf(key, hash);
    if (known !== 0) {
      if (flags === UPDATE_FLAGS.noExist) return -ERRNO.EEXIST;
      this.touch(known + this.#valueOffset);
      return known + this.#valueOffset;
    }
    if (flags === UPDATE_FLAGS.exist) return -ERRNO.ENOENT;
    const element = this.#take();
    if (element === 0) return -ERRNO.E2BIG;
    this.#insert(element, key, hash);
    return element + this.#valueOffset;
  }

  protected remove(key: number): number {
    const element = this.#elementOf(key, hashKey(this.memory.view, key, this.spec.keySize));
    if (element === 0) return -ERRNO.ENOENT;
    this.#release(element);
    return 0;
  }

  protected *places(): Iterable<EntryPlace> {
    for (let bucket = 0; bucket <= this.#mask; bucket++) {
      let element = this.memory.cell(this.#buckets + 4 * bucket);
      while (element !== 0) {
        const next = this.memory.cell(element + HASH_ELEMENT.next);
        yield { key: element + HASH_ELEMENT.key, value: element + this.#valueOffset };
        element = next;
      }
    }
  }

  #bucketOf(hash: number): number {
    return this.#buckets + 4 * (hash & this.#mask);
  }

  #elementOf(key: number, hash: number): number {
    const { view } = this.memory;
    let element = this.memory.cell(this.#bucketOf(hash));
    while (element !== 0) {
      const sameHash = view.getInt32(element + HASH_ELEMENT.hash, true) === hash;
      if (sameHash && sameKey(view, element + HASH_ELEMENT.key, key, this.spec.keySize)) return element;
      element = this.memory.cell(element + HASH_ELEMENT.next);
    }
    return 0;
  }

  /** A free element, or 0 when there is none. An LRU map makes one free. */
  #take(): number {
    const free = this.header("free");
    if (free !== 0) {
      this.setHeader("free", this.memory.cell(free + HASH_ELEMENT.next));
      return free;
    }
    const fresh = this.header("fresh");
    if (fresh < this.spec.maxEntries) {
      this.setHeader("fresh", fresh + 1);
      return this.#elements + fresh * this.#elementSize;
    }
    if (!this.#isLru) return 0;
    this.#release(this.header("oldest"));
    return this.#take();
  }

  #insert(element: number, key: number, hash: number): void {
    const { memory } = this;
    const bucket = this.#bucketOf(hash);
    memory.setCell(element + HASH_ELEMENT.next, memory.cell(bucket));
    memory.setCell(element + HASH_ELEMENT.hash, hash);
    memory.setCell(bucket, element);
    memory.bytes.copyWithin(element + HASH_ELEMENT.key, key, key + this.spec.keySize);
    memory.bytes.fill(0, element + this.#valueOffset, element + this.#elementSize);
    this.setHeader("count", this.header("count") + 1);
    if (this.#isLru) this.#linkNewest(element);
  }

  #release(element: number): void {
    const { memory } = this;
    const next = memory.cell(element + HASH_ELEMENT.next);
    let link = this.#bucketOf(memory.cell(element + HASH_ELEMENT.hash));
    while (memory.cell(link) !== element) link = memory.cell(link) + HASH_ELEMENT.next;
    memory.setCell(link, next);
    memory.setCell(element + HASH_ELEMENT.next, this.header("free"));
    this.setHeader("free", element);
    this.setHeader("count", this.header("count") - 1);
    if (this.#isLru) this.#unlink(element);
  }

  #linkNewest(element: number): void {
    const { memory } = this;
    const newest = this.header("newest");
    memory.setCell(element + HASH_ELEMENT.newer, 0);
    memory.setCell(element + HASH_ELEMENT.older, newest);
    if (newest === 0) this.setHeader("oldest", element);
    else memory.setCell(newest + HASH_ELEMENT.newer, element);
    this.setHeader("newest", element);
  }

  #unlink(element: number): void {
    const { memory } = this;
    const newer = memory.cell(element + HASH_ELEMENT.newer);
    const older = memory.cell(element + HASH_ELEMENT.older);
    if (newer === 0) this.setHeader("newest", older);
    else memory.setCell(newer + HASH_ELEMENT.older, older);
    if (older === 0) this.setHeader("oldest", newer);
    else memory.setCell(older + HASH_ELEMENT.newer, newer);
  }
}

/** `hash_of_maps`: what programs get is the inner map itself, and only the host may write. */
export class HashOfMaps extends HashMap {
  override permits(): boolean {
    return false;
  }

  override programLookup(key: number): number {
    const value = super.programLookup(key);
    return value === 0 ? 0 : this.memory.cell(value);
  }

  override programUpdate(): number {
    return -ERRNO.EINVAL;
  }

  override programDelete(): number {
    return -ERRNO.EINVAL;
  }
}
