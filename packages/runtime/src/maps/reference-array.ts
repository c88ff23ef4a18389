import type { MapSpec } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import type { Runtime } from "../runtime.js";
import { ArrayMap } from "./array.js";
import type { EntryPlace } from "./keyed-map.js";
import { badMap } from "./runtime-map.js";

/**
 * An array whose entries refer to something that only the host can put in: programs (`prog_array`), maps
 * (`array_of_maps`), devices and CPUs to redirect to. A word of 0 is an entry that is not there.
 */
export class ReferenceArray extends ArrayMap {
  readonly #runtime: Runtime;

  constructor(spec: MapSpec, runtime: Runtime) {
    if (spec.valueSize < 4) throw badMap(spec, `values have at least 4 bytes, not ${spec.valueSize}`);
    super(spec, runtime);
    this.#runtime = runtime;
  }

  override updatePerCpu(key: Uint8Array, values: readonly Uint8Array[], flags?: number): number {
    return this.#isRefused(values[0]) ? -ERRNO.EBADF : super.updatePerCpu(key, values, flags);
  }

  override initialize(key: Uint8Array, value: Uint8Array): number {
    return this.#isRefused(value) ? -ERRNO.EBADF : super.initialize(key, value);
  }

  /** Only programs that the runtime knows get into a program array: compiled code calls what it finds there. */
  #isRefused(value: Uint8Array | undefined): boolean {
    if (this.spec.type !== "prog_array" || value?.length !== this.spec.valueSize) return false;
    const number = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    return number !== 0 && this.#runtime.programs.at(number) === undefined;
  }

  override permits(): boolean {
    return false;
  }

  override programLookup(key: number): number {
    const value = this.find(key);
    if (value === 0) return 0;
    // What programs get from a map of maps is the inner map itself.
    return this.spec.type === "array_of_maps" ? this.memory.cell(value) : value;
  }

  override programUpdate(): number {
    return -ERRNO.EINVAL;
  }

  override programAt(index: number): number {
    const isProgramArray = this.spec.type === "prog_array" && index < this.spec.maxEntries;
    return isProgramArray ? this.memory.cell(this.valuesAddress + index * this.stride) : 0;
  }

  protected override find(key: number): number {
    const value = super.find(key);
    return value !== 0 && this.memory.cell(value) !== 0 ? value : 0;
  }

  protected override prepare(key: number, flags: number): number {
    const refused = super.prepare(key, flags);
    const slot = super.find(key);
    return refused === -ERRNO.E2BIG && slot !== 0 ? slot : refused;
  }

  protected override remove(key: number): number {
    const value = this.find(key);
    if (value === 0) return -ERRNO.ENOENT;
    this.memory.bytes.fill(0, value, value + this.spec.valueSize);
    return 0;
  }

  protected override *places(staging: number): Iterable<EntryPlace> {
    for (const place of super.places(staging)) if (this.memory.cell(place.value) !== 0) yield place;
  }
}
