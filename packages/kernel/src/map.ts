import type { MapSpec } from "@ebpf/platform";
import { Attributes } from "./attributes.js";
import { Descriptor, type OpenDescriptors } from "./descriptor.js";
import { ERRNO } from "./errno.js";
import { KernelError } from "./errors.js";
import { type MapShape, shapeOf } from "./map-shape.js";
import type { System } from "./system.js";

/** What an update does when the key is there, or isn't. Source: `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST` of Linux's uapi. */
const UPDATE_FLAGS = { any: 0, create: 1, exist: 2 } as const;

/** What becomes of an element that is there already (`create` refuses it), or isn't (`exist` refuses that). */
export type UpdateMode = keyof typeof UPDATE_FLAGS;

/** A map in the kernel. Keys and values are bytes as programs see them. */
export class KernelMap extends Descriptor {
  readonly spec: MapSpec;
  readonly #shape: MapShape;

  /** @internal made by `Kernel.createMap` */
  constructor(system: System, open: OpenDescriptors, fd: number, spec: MapSpec) {
    super(system, open, fd);
    this.spec = spec;
    this.#shape = shapeOf(spec);
  }

  /** Bytes that `lookup` returns: for a per-CPU map one value for each possible CPU, each at a multiple of 8. */
  get valueBytes(): number {
    return this.#shape.valueBytes;
  }

  #keyBytes(key: Uint8Array): Uint8Array {
    if (key.length === this.spec.keySize) return key;
    throw new KernelError(
      "BAD_OPTION",
      `a key of map ${this.spec.name} has ${this.spec.keySize} bytes, not ${key.length}`,
    );
  }

  /** Queues, stacks and Bloom filters have no keys, and take a null pointer. */
  #element(command: "mapLookup" | "mapUpdate" | "mapDelete", key: Uint8Array): Attributes<typeof command> {
    const attributes = new Attributes(command).set({ mapFd: this.fd });
    return this.#keyBytes(key).length === 0 ? attributes : attributes.point("key", key);
  }

  /**
   * The value of a key, or `undefined` when there is none. Maps of maps and of programs give the id (4 bytes) of what they
   * hold; a queue or stack, with an empty key, the element that is next.
   *
   * @throws KernelError `BAD_OPTION` for a key of the wrong size; `MAP_ACCESS` with the kernel's errno.
   */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#shape.valueBytes);
    const result = this.system.bpf(this.#element("mapLookup", key).point("value", value));
    if (result === -ERRNO.ENOENT) return undefined;
    if (result < 0) throw this.#refused("look-up", result);
    return value;
  }

  /**
   * Sets the value of a key.
   *
   * @param value as many bytes as the map's values have, which every CPU gets in a per-CPU map, or one value for each CPU
   *   as `lookup` returns them; what a map of maps, programs or sockets shall hold by its `Descriptor`
   * @throws KernelError `BAD_OPTION` for a key or value of the wrong size; `MAP_ACCESS` with the kernel's errno.
   */
  update(key: Uint8Array, value: Uint8Array | Descriptor, mode: UpdateMode = "any"): void {
    const bytes = value instanceof Descriptor ? Uint8Array.from([0, 8, 16, 24], (bit) => value.fd >>> bit) : value;
    const element = this.#element("mapUpdate", key).point("value", this.#valueForAllCpus(bytes));
    const result = this.system.bpf(element.set({ flags: UPDATE_FLAGS[mode] }));
    if (result < 0) throw this.#refused("update", result);
  }

  #valueForAllCpus(value: Uint8Array): Uint8Array {
    const { valueBytes, cpus } = this.#shape;
    if (value.length === valueBytes) return value;
    if (value.length !== this.spec.valueSize) {
      const problem = `a value of map ${this.spec.name} has ${this.spec.valueSize} bytes, not ${value.length}`;
      throw new KernelError("BAD_OPTION", problem);
    }
    const all = new Uint8Array(valueBytes);
    for (let cpu = 0; cpu < cpus; cpu++) all.set(value, (cpu * valueBytes) / cpus);
    return all;
  }

  /**
   * Removes a key. Returns false when it wasn't there.
   *
   * @throws KernelError `BAD_OPTION` for a key of the wrong size; `MAP_ACCESS` with the kernel's errno.
   */
  delete(key: Uint8Array): boolean {
    const result = this.system.bpf(this.#element("mapDelete", key));
    if (result < 0 && result !== -ERRNO.ENOENT) throw this.#refused("removal", result);
    return result >= 0;
  }

  /**
   * The keys, in the kernel's order. Keys that are removed during the walk make the kernel begin again, so a map that
   * others change may repeat some; it never gives more than twice the map's entries.
   *
   * @throws KernelError `MAP_ACCESS` with the kernel's errno.
   */
  *keys(): Generator<Uint8Array, void, undefined> {
    let previous: Uint8Array | undefined;
    for (let count = 0; count < 2 * this.spec.maxEntries; count++) {
      const next = new Uint8Array(this.spec.keySize);
      const attributes = new Attributes("mapNextKey").set({ mapFd: this.fd }).point("value", next);
      if (previous !== undefined) attributes.point("key", previous);
      const result = this.system.bpf(attributes);
      if (result === -ERRNO.ENOENT) return;
      if (result < 0) throw this.#refused("walk", result);
      yield next;
      previous = next;
    }
  }

  /** Keys with their values; elements that vanish in between are left out. Throws as `keys` and `lookup` do. */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array], void, undefined> {
    for (const key of this.keys()) {
      const value = this.lookup(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /**
   * Closes the map to changes from user space, for good. The verifier then takes the content of a map that programs
   * can't change either as constants.
   *
   * @throws KernelError `MAP_ACCESS` with the kernel's errno.
   */
  freeze(): void {
    const result = this.system.bpf(new Attributes("mapFreeze").set({ mapFd: this.fd }));
    if (result < 0) throw this.#refused("freezing", result);
  }

  #refused(what: string, result: number): KernelError {
    return new KernelError("MAP_ACCESS", `map ${this.spec.name}: ${what} refused`, { errno: -result });
  }
}
