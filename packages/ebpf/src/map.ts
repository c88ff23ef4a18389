import type { Btf } from "@ebpf/btf";
import { EbpfError } from "@ebpf/core";
import type { MapSpec, MapTypeName } from "@ebpf/platform";
import {
  ERRNO,
  KeyedMap,
  PerfEventArray,
  QueueMap,
  RingBufferMap,
  RuntimeError,
  type RuntimeMap,
  UPDATE_FLAGS,
} from "@ebpf/runtime";
import { LoadError } from "./errors.js";
import { type MapValue, TypedBytes } from "./typed-bytes.js";

export type MapErrorCode =
  | "MAP_FULL"
  | "MAP_EXISTS" // an entry that must not be there is
  | "MAP_MISSING" // an entry that must be there is not
  | "MAP_READ_ONLY" // the map is frozen, or its flags forbid it
  | "MAP_REFUSED"; // the map refuses for another reason

/** A map that refused an operation. */
export class MapError extends EbpfError<MapErrorCode> {
  override readonly name = "MapError";

  /** The kernel's number for the reason, positive. */
  readonly errno: number;

  constructor(code: MapErrorCode, message: string, errno: number) {
    super(code, message);
    this.errno = errno;
  }
}

const CODE_OF_ERRNO: ReadonlyMap<number, readonly [MapErrorCode, string]> = new Map([
  [ERRNO.E2BIG, ["MAP_FULL", "it is full, or the index is beyond its end"]],
  [ERRNO.EEXIST, ["MAP_EXISTS", "there is an entry already"]],
  [ERRNO.ENOENT, ["MAP_MISSING", "there is no such entry"]],
  [ERRNO.EPERM, ["MAP_READ_ONLY", "it is read-only"]],
]);

/** When `set` writes: always, only a new entry, or only over one that is there. */
export type SetMode = "any" | "new" | "existing";

const MODE_FLAGS = { any: UPDATE_FLAGS.any, new: UPDATE_FLAGS.noExist, existing: UPDATE_FLAGS.exist } as const;

/** A map of a loaded object. Keys and values are typed by BTF; without BTF they are bytes. */
export class LoadedMap implements Iterable<[key: MapValue, value: MapValue]> {
  readonly spec: MapSpec;
  /** The map as the runtime knows it, with keys and values as bytes. */
  readonly raw: RuntimeMap;
  readonly #key: TypedBytes;
  readonly #value: TypedBytes;
  readonly #btf: Btf | undefined;

  /** @param btf the object's types, which records of ring buffers are looked up in */
  constructor(raw: RuntimeMap, btf?: Btf) {
    this.raw = raw;
    this.spec = raw.spec;
    this.#btf = btf ?? raw.spec.btf?.btf;
    this.#key = new TypedBytes(raw.spec.btf?.btf, raw.spec.btf?.keyTypeId);
    this.#value = new TypedBytes(raw.spec.btf?.btf, raw.spec.btf?.valueTypeId);
  }

  get name(): string {
    return this.spec.name;
  }

  get type(): MapTypeName {
    return this.spec.type;
  }

  /** True when the map has keys that values are found by. */
  get keyed(): boolean {
    return this.raw instanceof KeyedMap;
  }

  /**
   * The value at a key, or `undefined`. Of a per-CPU map, the list of the CPUs' values.
   *
   * @throws BtfError, RuntimeError `BAD_LENGTH` for a key of the wrong shape; RuntimeError `BAD_OPERATION` for a map
   * without keys.
   */
  get(key: MapValue): MapValue | readonly MapValue[] | undefined {
    const values = this.#keyed("get").lookupPerCpu(this.#key.encode(key));
    return values && this.#present(values);
  }

  /**
   * Writes the value at a key; of a per-CPU map, the list of the CPUs' values.
   *
   * @throws MapError when the map refuses; otherwise as `get`
   */
  set(key: MapValue, value: MapValue | readonly MapValue[], mode: SetMode = "any"): void {
    const map = this.#keyed("set");
    const values = this.#perCpu ? (value as readonly MapValue[]) : [value as MapValue];
    if (!Array.isArray(values))
      throw new RuntimeError("BAD_LENGTH", `map ${this.name} takes a list: a value for each CPU`);
    const encoded = values.map((one: MapValue) => this.#value.encode(one));
    this.#check(map.updatePerCpu(this.#key.encode(key), encoded, MODE_FLAGS[mode]));
  }

  /** Removes an entry. @returns whether there was one. @throws as `set` */
  delete(key: MapValue): boolean {
    const error = this.#keyed("delete").delete(this.#key.encode(key));
    if (error !== -ERRNO.ENOENT) this.#check(error);
    return error === 0;
  }

  /** Keys and values, in the map's own order. */
  *entries(): IterableIterator<[key: MapValue, value: MapValue | readonly MapValue[]]> {
    for (const [key, values] of this.#keyed("entries").entriesPerCpu()) {
      yield [this.#key.decode(key), this.#present(values)];
    }
  }

  *[Symbol.iterator](): IterableIterator<[key: MapValue, value: MapValue]> {
    yield* this.entries() as IterableIterator<[MapValue, MapValue]>;
  }

  /** How many entries, values or records are in the map. */
  get size(): number {
    if (this.raw instanceof QueueMap) return this.raw.size;
    let count = 0;
    for (const _ of this.#keyed("size").entriesPerCpu()) count++;
    return count;
  }

  /** Appends a value to a queue or stack. @throws MapError `MAP_FULL` */
  push(value: MapValue): void {
    this.#check(this.#queue("push").push(this.#value.encode(value)));
  }

  /** Takes the next value out of a queue or stack; `undefined` when it is empty. */
  pop(): MapValue | undefined {
    const bytes = this.#queue("pop").pop();
    return bytes && this.#value.decode(bytes);
  }

  /** The next value of a queue or stack; `undefined` when it is empty. */
  peek(): MapValue | undefined {
    const bytes = this.#queue("peek").peek();
    return bytes && this.#value.decode(bytes);
  }

  /** Records of a ring buffer or perf event array that found no room. */
  get lost(): number {
    return this.#stream("lost").lost;
  }

  /**
   * Takes out the records of a ring buffer, or the samples of a perf event array, that are there now.
   *
   * @param type name of the structure that they hold; bytes come out without it
   * @throws LoadError `NO_TYPE` when the object has no such type; BtfError when a record is too short for it
   */
  drain(type?: string): MapValue[] {
    const records = this.recordType(type);
    return this.#stream("drain")
      .drain()
      .map((record) => records.decode(record instanceof Uint8Array ? record : record.data));
  }

  /** Records as they arrive, until `close`; parameters and errors as for `drain`. */
  async *records(type?: string): AsyncGenerator<MapValue, void, undefined> {
    const records = this.recordType(type);
    for await (const record of this.#stream("records").records()) {
      yield records.decode(record instanceof Uint8Array ? record : record.data);
    }
  }

  /** Bare records as they arrive: `for await (const bytes of maps.events)`. */
  [Symbol.asyncIterator](): AsyncGenerator<MapValue, void, undefined> {
    return this.records();
  }

  /** Ends all iterations over `records`. */
  close(): void {
    this.#stream("close").close();
  }

  /** One line for people: a key or a value, in which enumerations and members have their names. */
  format(what: "key" | "value", bytes: Uint8Array): string {
    return (what === "key" ? this.#key : this.#value).format(bytes);
  }

  /** How records of this structure are read. @throws LoadError `NO_TYPE` */
  recordType(type: string | undefined): TypedBytes {
    if (type === undefined) return new TypedBytes();
    const id = this.#btf?.findByName(type, "struct") ?? this.#btf?.findByName(type);
    if (id === undefined) throw new LoadError("NO_TYPE", `the object has no type ${type} in its BTF`);
    return new TypedBytes(this.#btf, id);
  }

  get #perCpu(): boolean {
    return this.type.includes("percpu");
  }

  #present(values: readonly Uint8Array[]): MapValue | readonly MapValue[] {
    const decoded = values.map((bytes) => this.#value.decode(bytes));
    return this.#perCpu ? decoded : decoded[0]!;
  }

  #keyed(operation: string): KeyedMap {
    return this.raw instanceof KeyedMap ? this.raw : this.#lacks(operation);
  }

  #queue(operation: string): QueueMap {
    return this.raw instanceof QueueMap ? this.raw : this.#lacks(operation);
  }

  #stream(operation: string): RingBufferMap | PerfEventArray {
    const { raw } = this;
    return raw instanceof RingBufferMap || raw instanceof PerfEventArray ? raw : this.#lacks(operation);
  }

  #lacks(operation: string): never {
    throw new RuntimeError("BAD_OPERATION", `map ${this.name} is of type ${this.type}, which has no ${operation}`);
  }

  #check(error: number): void {
    if (error === 0) return;
    const [code, reason] = CODE_OF_ERRNO.get(-error) ?? (["MAP_REFUSED", `error ${-error}`] as const);
    throw new MapError(code, `map ${this.name}: ${reason}`, -error);
  }
}
