import { MAP_FLAGS, type MapSpec, mapTypeNumber } from "@ebpf/platform";
import { ERRNO } from "../errno.js";
import { RuntimeError } from "../errors.js";
import type { LinearMemory } from "../linear-memory.js";
import type { Runtime } from "../runtime.js";
import { MAP_HEADER, MAP_HEADER_SIZE, roundUp8 } from "./layout.js";

/** Flags of an update. Source: Linux's uapi. */
export const UPDATE_FLAGS = { any: 0, noExist: 1, exist: 2 } as const;

/**
 * A map in linear memory.
 *
 * Methods named `program…` are what programs reach through helpers: they take and return addresses and negative error
 * numbers. The others are the host's: they take and return copies of bytes. Both work on the same memory.
 */
export abstract class RuntimeMap {
  readonly spec: MapSpec;
  /** Address of the header; what programs hold as the map's pointer. */
  readonly handle: number;
  protected readonly runtime: Runtime;
  protected readonly memory: LinearMemory;
  /** Bytes from one CPU's value to the next. */
  protected readonly stride: number;
  #frozen = false;

  constructor(spec: MapSpec, runtime: Runtime) {
    this.spec = spec;
    this.runtime = runtime;
    this.memory = runtime.memory;
    this.stride = roundUp8(spec.valueSize);
    this.handle = this.memory.allocate(MAP_HEADER_SIZE, `map ${spec.name}`);
    this.setHeader("type", mapTypeNumber(spec.type));
    this.setHeader("keySize", spec.keySize);
    this.setHeader("valueSize", spec.valueSize);
    this.setHeader("maxEntries", spec.maxEntries);
    this.setHeader("stride", this.stride);
  }

  /** CPUs that an entry holds a value for. */
  get cpus(): number {
    return 1;
  }

  /** Address of the first value; 0 for maps whose values have no fixed place. */
  get valuesAddress(): number {
    return 0;
  }

  /** True once nobody but a program may change the map. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Refuses all further updates by the host. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Whether a program that has this map may touch `size` bytes at `address`, in checked mode. */
  abstract permits(address: number, size: number, write: boolean): boolean;

  /** The address of the value at the key at `key` for the current CPU, or 0. */
  programLookup(_key: number): number {
    return 0;
  }

  /** The same for the given CPU. */
  programLookupOnCpu(_key: number, _cpu: number): number {
    return 0;
  }

  programUpdate(_key: number, _value: number, _flags: number): number {
    return -ERRNO.EOPNOTSUPP;
  }

  programDelete(_key: number): number {
    return -ERRNO.EOPNOTSUPP;
  }

  programPush(_value: number, _flags: number): number {
    return -ERRNO.EINVAL;
  }

  programPop(_value: number): number {
    return -ERRNO.EINVAL;
  }

  programPeek(_value: number): number {
    return -ERRNO.EINVAL;
  }

  /** The maps in a map of maps. */
  innerMaps(): Iterable<RuntimeMap> {
    return [];
  }

  /** The number of the program at `index`, or 0. */
  programAt(_index: number): number {
    return 0;
  }

  /** Keys and values in place, for `bpf_for_each_map_elem`; `undefined` for maps that cannot be walked. */
  programEntries(_frame: number): Iterable<readonly [key: number, value: number]> | undefined {
    return undefined;
  }

  /** The error number with which this map refuses what a program wants to write, or 0. */
  protected programWriteError(): number {
    return this.spec.flags & MAP_FLAGS.readOnlyProgram ? -ERRNO.EPERM : 0;
  }

  /** The error number with which this map refuses what the host wants to write, or 0. */
  protected hostWriteError(): number {
    return this.#frozen || this.spec.flags & MAP_FLAGS.readOnlyUser ? -ERRNO.EPERM : 0;
  }

  protected header(word: keyof typeof MAP_HEADER): number {
    return this.memory.cell(this.handle + MAP_HEADER[word]);
  }

  protected setHeader(word: keyof typeof MAP_HEADER, value: number): void {
    this.memory.setCell(this.handle + MAP_HEADER[word], value);
  }

  /** @throws RuntimeError `BAD_LENGTH` */
  protected requireLength(what: "key" | "value", bytes: Uint8Array, length: number): void {
    if (bytes.length === length) return;
    const message = `map ${this.spec.name}: a ${what} has ${length} bytes, not ${bytes.length}`;
    throw new RuntimeError("BAD_LENGTH", message);
  }
}

/** Builds the error for a map that contradicts its type. */
export const badMap = (spec: MapSpec, problem: string): RuntimeError =>
  new RuntimeError("BAD_MAP", `map ${spec.name} (${spec.type}): ${problem}`);
