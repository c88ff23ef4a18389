import type { BtfBuilder, MemberSpecs } from "@ebpf/btf";
import { type MapSpec, mapTypeNumber } from "@ebpf/platform";
import { ElfError } from "../errors.js";

/**
 * Adds the type that describes a map in the section `.maps`: numbers are lengths of arrays, types are what pointers
 * point to.
 *
 * @returns the structure's id
 * @throws ElfError `BAD_MAP` for what such a description has no words for.
 */
export const addMapType = (types: BtfBuilder, map: MapSpec): number => {
  const number = (value: number) => types.pointer(types.array(types.int("int", 4, "signed"), value));
  const type = mapTypeNumber(map.type);
  if (type < 0) throw new ElfError("BAD_MAP", `map ${map.name}: objects have no maps of type ${map.type}`);
  const members: Record<string, number> = { type: number(type) };
  const add = (name: string, value: number): void => {
    if (value === 0) return;
    if (!(Number.isInteger(value) && value > 0 && value <= 0xffff_ffff)) {
      throw new ElfError("BAD_MAP", `map ${map.name}: ${name} ${value} does not fit`);
    }
    members[name] = number(value);
  };
  add("max_entries", map.maxEntries);
  add("map_flags", map.flags);
  add("numa_node", map.numaNode ?? 0);
  add("pinning", typeof map.pinning === "number" ? map.pinning : map.pinning === "name" ? 1 : 0);
  add("key_size", map.keySize);
  if (map.inner === undefined && map.type !== "prog_array") add("value_size", map.valueSize);
  if (map.extra !== undefined && map.extra !== 0n) {
    members.map_extra = types.enum("", { [`${map.name}_map_extra`]: map.extra });
  }
  const values = valuesType(types, map);
  if (values !== undefined) members.values = types.array(types.pointer(values), 0);
  return types.struct("", members satisfies MemberSpecs);
};

/** What `values` points to: other maps, or programs. */
const valuesType = (types: BtfBuilder, map: MapSpec): number | undefined => {
  if (map.inner !== undefined) return addMapType(types, map.inner);
  if (map.type !== "prog_array") return undefined;
  return types.signature(types.int("int", 4, "signed"), { ctx: types.pointer() });
};
