import type { MapTypeName } from "@ebpf/platform";
import { ERRNO, type Runtime, type RuntimeMap, UPDATE_FLAGS } from "@ebpf/runtime";
import type { Code } from "../wasm/code.js";
import type { FunctionReference, ModuleBuilder } from "../wasm/module.js";
import type { ValueType } from "../wasm/opcodes.js";
import { HASH_OPERATIONS } from "./hash-operations.js";
import { refuseIf } from "./header.js";
import { copyBytes, type MapPlace, placeOf, pushArrayValue } from "./map-code.js";
import { QUEUE_OPERATIONS, RING_OPERATIONS } from "./stream-operations.js";

/**
 * What a map does as functions of the module; all words are i32, and errors are negative error numbers.
 *
 * - `lookup(key) → value`, `update(key, value, flags) → error`, `delete(key) → error`, `next(key) → key`
 * - `push(value, flags) → error`, `pop(value) → error`, `peek(value) → error`
 * - `reserve(size) → record`, `commit(record, discard)`, `take() → record`
 *
 * The others are parts of these.
 */
export type MapOperation =
  | "lookup"
  | "update"
  | "delete"
  | "next"
  | "push"
  | "pop"
  | "peek"
  | "reserve"
  | "commit"
  | "take"
  | "find"
  | "insert"
  | "release"
  | "unlink"
  | "linkNewest";

/** A helper that is an operation of its map. */
export interface MapHelper {
  readonly operation: MapOperation;
  /** How many addresses follow the map, in r2, r3. */
  readonly addresses: number;
  /** Behind them come flags, of which no high bit has a meaning. */
  readonly flags?: true;
  /** Maps that programs may only read refuse it. */
  readonly writes?: true;
  /** What the platform's table calls the class of its result. */
  readonly returns: "pointer" | "signed32";
}

/** Helpers that are operations of maps. */
export const MAP_HELPERS: Readonly<Record<string, MapHelper>> = {
  bpf_map_lookup_elem: { operation: "lookup", addresses: 1, returns: "pointer" },
  bpf_map_update_elem: { operation: "update", addresses: 2, flags: true, writes: true, returns: "signed32" },
  bpf_map_delete_elem: { operation: "delete", addresses: 1, writes: true, returns: "signed32" },
  bpf_map_push_elem: { operation: "push", addresses: 1, flags: true, writes: true, returns: "signed32" },
  bpf_map_pop_elem: { operation: "pop", addresses: 1, writes: true, returns: "signed32" },
  bpf_map_peek_elem: { operation: "peek", addresses: 1, returns: "signed32" },
};

/** Writes an operation of a map. */
export type Operation = (part: MapPart) => FunctionReference;

/** The operations of a family of maps. */
export type OperationTable = Readonly<Partial<Record<MapOperation, Operation>>>;

/** A map whose operations are being written. */
export interface MapPart {
  readonly map: RuntimeMap;
  readonly place: MapPlace;
  /** What tells a host that waits for records that there is one; absent where no host waits. */
  readonly arrived?: () => FunctionReference;
  /** Another operation of the same map. */
  readonly operation: (name: MapOperation) => FunctionReference;
  readonly define: (
    name: MapOperation,
    parameters: readonly ValueType[],
    results: readonly ValueType[],
    write: (code: Code) => void,
  ) => FunctionReference;
}

const KEY = 0;

const arrayLookup: Operation = ({ place, define }) =>
  define("lookup", ["i32"], ["i32"], (code) => {
    code.get(KEY).memory("i32.load").set(KEY);
    pushArrayValue(code, place, KEY);
  });

const arrayUpdate: Operation = ({ place, define }) =>
  define("update", ["i32", "i32", "i32"], ["i32"], (code) => {
    const [VALUE, FLAGS] = [1, 2] as const;
    const target = code.local("i32", "target");
    refuseIf(code.get(FLAGS).i32(UPDATE_FLAGS.exist).op("i32.gt_u"), ERRNO.EINVAL);
    code.get(KEY).memory("i32.load").set(KEY);
    pushArrayValue(code, place, KEY);
    refuseIf(code.tee(target).op("i32.eqz"), ERRNO.E2BIG);
    refuseIf(code.get(FLAGS).i32(UPDATE_FLAGS.noExist).op("i32.eq"), ERRNO.EEXIST);
    copyBytes(code, target, VALUE, place.valueSize);
    code.i32(0);
  });

const arrayDelete: Operation = ({ define }) =>
  define("delete", ["i32"], ["i32"], (code) => {
    code.i32(-ERRNO.EINVAL);
  });

/** What programs get from a map of maps is the inner map itself; where there is no entry, the word at 0 is 0. */
const innerMap: Operation = ({ place, define }) =>
  define("lookup", ["i32"], ["i32"], (code) => {
    code.get(KEY).memory("i32.load").set(KEY);
    pushArrayValue(code, place, KEY);
    code.memory("i32.load");
  });

const ARRAY_OPERATIONS: OperationTable = { lookup: arrayLookup, update: arrayUpdate, delete: arrayDelete };

/** Types whose operations are written as code; for all others the host has to answer. */
const FAMILIES: Readonly<Partial<Record<MapTypeName, OperationTable>>> = {
  array: ARRAY_OPERATIONS,
  percpu_array: ARRAY_OPERATIONS,
  array_of_maps: { lookup: innerMap },
  hash: HASH_OPERATIONS,
  percpu_hash: HASH_OPERATIONS,
  lru_hash: HASH_OPERATIONS,
  lru_percpu_hash: HASH_OPERATIONS,
  queue: QUEUE_OPERATIONS,
  stack: QUEUE_OPERATIONS,
  ringbuf: RING_OPERATIONS,
};

/** The operations of a runtime's maps as functions of a module; each is made when it is first asked for. */
export class MapOperations {
  readonly #module: ModuleBuilder;
  readonly #runtime: Runtime;
  readonly #wakesHost: boolean;
  readonly #made = new Map<string, FunctionReference>();

  /** @param options `wakesHost`: the host may wait for records of ring buffers */
  constructor(module: ModuleBuilder, runtime: Runtime, { wakesHost = false } = {}) {
    this.#module = module;
    this.#runtime = runtime;
    this.#wakesHost = wakesHost;
  }

  /** The function for an operation; `undefined` when maps of this type have none. */
  of(map: RuntimeMap, operation: MapOperation): FunctionReference | undefined {
    const known = this.#made.get(`${map.handle} ${operation}`);
    if (known !== undefined) return known;
    return FAMILIES[map.spec.type]?.[operation]?.(this.#part(map));
  }

  /** Whether the host has to do whatever programs do with the map. */
  isHosts({ spec }: RuntimeMap): boolean {
    return FAMILIES[spec.type] === undefined && spec.keySize > 0;
  }

  /** Where a map lies. */
  place(map: RuntimeMap): MapPlace {
    return placeOf(map, (address) => this.#runtime.memory.cell(address));
  }

  #part(map: RuntimeMap): MapPart {
    return {
      map,
      place: this.place(map),
      ...(this.#wakesHost && { arrived: () => this.#module.import("record_arrived", ["i32"], []) }),
      operation: (name) => this.of(map, name)!,
      define: (name, parameters, results, write) => {
        const defined = this.#module.define(`${map.spec.name}.${name}`, parameters, results);
        this.#made.set(`${map.handle} ${name}`, defined);
        write(defined.code);
        return defined;
      },
    };
  }
}
