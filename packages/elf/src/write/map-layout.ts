import type { BtfBuilder } from "@ebpf/btf";
import type { ByteOrder } from "@ebpf/core";
import type { MapSpec } from "@ebpf/platform";
import { ElfError } from "../errors.js";
import { addMapType } from "./map-types.js";

/** Where maps lie in `.maps`, and what stands in them. */
export interface MapLayout {
  /** Bytes of the section. */
  readonly size: number;
  readonly places: readonly { readonly name: string; readonly offset: number; readonly size: number }[];
  /** Values that maps begin with, by the name of the map or program. */
  readonly values: readonly { readonly offset: number; readonly symbol: string }[];
}

const POINTER_SIZE = 8;

/**
 * Gives every map its place in the section `.maps`, and adds the types that describe them.
 *
 * @throws ElfError `BAD_MAP` for values that are neither maps nor programs.
 */
export const layOutMaps = (types: BtfBuilder, maps: readonly MapSpec[], order: ByteOrder): MapLayout => {
  const places: { name: string; offset: number; size: number }[] = [];
  const values: { offset: number; symbol: string }[] = [];
  const variables: { type: number; offset: number; size: number }[] = [];
  let end = 0;
  for (const map of maps) {
    const typeId = addMapType(types, map);
    const fixed = types.build().sizeOf(typeId);
    const slots = slotsOf(map, order);
    const size = fixed + POINTER_SIZE * Math.max(0, ...slots.map(({ index }) => index + 1));
    for (const { index, reference } of slots) {
      values.push({ offset: end + fixed + POINTER_SIZE * index, symbol: reference });
    }
    places.push({ name: map.name, offset: end, size });
    variables.push({ type: types.variable(map.name, typeId), offset: end, size });
    end += size;
  }
  if (maps.length > 0) types.add({ kind: "datasec", name: ".maps", size: end, variables });
  return { size: end, places, values };
};

const slotsOf = ({ name, initial = [] }: MapSpec, order: ByteOrder) =>
  initial.map(({ key, value }) => {
    if (value instanceof Uint8Array || key.length !== 4) {
      throw new ElfError("BAD_MAP", `map ${name}: only maps and programs, by number, can stand in an object as values`);
    }
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, order === "little");
    return { index, reference: value.reference };
  });
