import { type Btf, type BtfField, decodeValue, type encodeValue } from "@ebpf/btf";
import type { MapSpec } from "@ebpf/platform";
import { KeyedMap, RuntimeError } from "@ebpf/runtime";
import { LoadError } from "./errors.js";
import { type MapValue, TypedBytes } from "./typed-bytes.js";

/** A global variable of a program: a part of the only value of a data map. */
interface Slot {
  readonly handle: number;
  readonly btf: Btf;
  readonly field: BtfField;
  readonly offset: number;
  readonly size: number;
}

const FIRST_KEY = new Uint8Array(4);

/** Where the global variables of an object lie, by name. */
export const findVariables = (maps: ReadonlyMap<number, MapSpec>): ReadonlyMap<string, Slot> => {
  const found = new Map<string, Slot>();
  for (const [handle, map] of maps) {
    if (map.section === undefined || map.btf?.valueTypeId === undefined) continue;
    const { btf, valueTypeId } = map.btf;
    if (btf.resolvedType(valueTypeId).kind !== "datasec") continue;
    for (const field of btf.fields(valueTypeId)) {
      found.set(field.name, { handle, btf, field, offset: field.bitOffset / 8, size: btf.sizeOf(field.type) });
    }
  }
  return found;
};

const slotOf = (slots: ReadonlyMap<string, Slot>, name: string): Slot => {
  const slot = slots.get(name);
  if (slot !== undefined) return slot;
  throw new LoadError(
    "NO_VARIABLE",
    `the object has no global variable ${name}`,
    `it has ${[...slots.keys()].join(", ")}`,
  );
};

/**
 * The maps with other initial values of global variables: what a loader may set before verification, `const volatile`
 * ones included.
 *
 * @throws LoadError `NO_VARIABLE`; BtfError for a value that does not fit the variable's type
 */
export const withVariables = (
  maps: ReadonlyMap<number, MapSpec>,
  values: Readonly<Record<string, MapValue>>,
): ReadonlyMap<number, MapSpec> => {
  const slots = findVariables(maps);
  const changed = new Map(maps);
  for (const [name, value] of Object.entries(values)) {
    const { handle, btf, field, offset } = slotOf(slots, name);
    const map = changed.get(handle)!;
    const data = initialData(map);
    data.set(new TypedBytes(btf, field.type).encode(value), offset);
    changed.set(handle, { ...map, initial: [{ key: FIRST_KEY, value: data }] });
  }
  return changed;
};

/** A copy of what a data map begins with. */
const initialData = (map: MapSpec): Uint8Array => {
  const data = new Uint8Array(map.valueSize);
  const initial = map.initial?.[0]?.value;
  if (initial instanceof Uint8Array) data.set(initial);
  return data;
};

/** The global variables of a loaded object. */
export class Variables {
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #maps: ReadonlyMap<number, unknown>;

  /** @param maps the runtime's maps by handle */
  constructor(specs: ReadonlyMap<number, MapSpec>, maps: ReadonlyMap<number, unknown>) {
    this.#slots = findVariables(specs);
    this.#maps = maps;
  }

  get names(): readonly string[] {
    return [...this.#slots.keys()];
  }

  /** The value of a variable now. @throws LoadError `NO_VARIABLE` */
  get(name: string): MapValue {
    const { btf, field } = slotOf(this.#slots, name);
    return decodeValue(btf, field.type, this.bytes(name), { order: "little" });
  }

  /** The bytes of a variable now. @throws LoadError `NO_VARIABLE` */
  bytes(name: string): Uint8Array {
    const { handle, offset, size } = slotOf(this.#slots, name);
    return this.#map(handle)
      .lookup(FIRST_KEY)!
      .subarray(offset, offset + size);
  }

  /** Sets a variable. @throws LoadError `NO_VARIABLE`; BtfError; RuntimeError `BAD_OPERATION` for a constant */
  set(name: string, value: Parameters<typeof encodeValue>[2] | Uint8Array): void {
    const { handle, btf, field, offset } = slotOf(this.#slots, name);
    const map = this.#map(handle);
    const data = map.lookup(FIRST_KEY)!;
    data.set(new TypedBytes(btf, field.type).encode(value), offset);
    if (map.update(FIRST_KEY, data) !== 0) {
      throw new RuntimeError("BAD_OPERATION", `${name} is a constant`, {
        hint: "set it before loading, with `variables`",
      });
    }
  }

  /** One line for people. */
  format(name: string): string {
    const { btf, field } = slotOf(this.#slots, name);
    return new TypedBytes(btf, field.type).format(this.bytes(name));
  }

  #map(handle: number): KeyedMap {
    const map = this.#maps.get(handle);
    if (!(map instanceof KeyedMap)) throw new LoadError("NO_MAP", `map ${handle} holds no variables`);
    return map;
  }
}
