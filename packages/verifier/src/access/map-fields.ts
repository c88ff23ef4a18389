import type { Btf } from "@ebpf/btf";
import type { MapSpec } from "@ebpf/platform";

/** A part of a map value that belongs to the kernel. */
export interface SpecialField {
  /** Its type, such as `bpf_spin_lock`, or `kptr`. */
  readonly name: string;
  /** Bytes from the start of the value. */
  readonly offset: number;
  readonly size: number;
}

/**
 * Structures that the kernel knows by name in map values, and their sizes: one of another size is a structure like any
 * other.
 */
const SPECIAL_TYPES: ReadonlyMap<string, number> = new Map([
  ["bpf_spin_lock", 4],
  ["bpf_res_spin_lock", 4],
  ["bpf_timer", 16],
  ["bpf_wq", 16],
  ["bpf_task_work", 8],
  ["bpf_list_head", 16],
  ["bpf_rb_root", 16],
  ["bpf_refcount", 4],
]);

const POINTER_TAGS: ReadonlySet<string> = new Set(["kptr", "kptr_untrusted", "percpu_kptr", "uptr"]);

/** Nested types deeper than this have no special fields that a kernel would know. */
const MAX_NESTING = 8;
/** Elements of an array that are looked at. */
const MAX_ELEMENTS = 64;

const isKernelPointer = (btf: Btf, id: number): boolean => {
  const type = btf.resolvedType(id);
  const target = type.kind === "ptr" ? btf.types[type.type] : undefined;
  return target?.kind === "type_tag" && POINTER_TAGS.has(target.name);
};

const collect = (btf: Btf, id: number, offset: number, depth: number): SpecialField[] => {
  if (depth > MAX_NESTING) return [];
  const type = btf.resolvedType(id);
  if (type.kind === "ptr") return isKernelPointer(btf, id) ? [{ name: "kptr", offset, size: 8 }] : [];
  if (type.kind === "array") {
    const first = collect(btf, type.elementType, offset, depth + 1);
    if (first.length === 0) return [];
    const size = btf.sizeOf(type.elementType);
    return Array.from({ length: Math.min(type.length, MAX_ELEMENTS) }, (_, index) =>
      first.map((field) => ({ ...field, offset: field.offset + index * size })),
    ).flat();
  }
  if (type.kind === "datasec") {
    return type.variables.flatMap((one) => {
      const variable = btf.types[one.type];
      return variable?.kind === "var" ? collect(btf, variable.type, offset + one.offset, depth + 1) : [];
    });
  }
  if (type.kind !== "struct") return [];
  if (SPECIAL_TYPES.get(type.name) === type.size) return [{ name: type.name, offset, size: type.size }];
  return type.members.flatMap((member) => collect(btf, member.type, offset + member.bitOffset / 8, depth + 1));
};

/** The special fields of a map's values, from the map's BTF; none without BTF, as for the kernel. */
export const specialFields = (map: MapSpec): readonly SpecialField[] => {
  if (map.btf?.valueTypeId === undefined || map.btf.valueTypeId === 0) return [];
  return collect(map.btf.btf, map.btf.valueTypeId, 0, 0);
};
