import { Btf, type BtfDatasec, type BtfType } from "@ebpf/btf";
import type { MapSpec, ProgramSpec } from "@ebpf/platform";

/*
 * Records have an object's types as its compiler wrote them, and the kernel takes them only as a loader finishes them:
 * sections of data with their sizes and the places of their variables, and definitions in place of declarations. Where the
 * variables are stands in the symbols of the object, which records don't have; compilers lay them out in the order of the
 * section's entries, each at a multiple of its alignment. Hidden functions become static, so that they are verified as
 * part of their callers; which ones those are, the functions of the program say.
 */

/** Name of what stands for functions of the kernel, and for their nameless parameters. */
const STAND_IN = "stand_in";

const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

/** The bytes that maps say the value of each type has. */
const sizesOf = (btf: Btf, maps: Iterable<MapSpec>): ReadonlyMap<number, number> =>
  new Map([...maps].flatMap(({ btf: of, valueSize }) => (of?.btf === btf ? [[of.valueTypeId ?? 0, valueSize]] : [])));

/** The section of what the kernel has: nothing of it is in a map, and its types are the kernel's. */
const KERNEL_SYMBOLS = ".ksyms";

/** A section with sizes and places; in that of the kernel's symbols there are stand-ins of four bytes. */
const finishSection = (btf: Btf, section: BtfDatasec, size: number | undefined, standIn: number): BtfDatasec => {
  if (section.name === KERNEL_SYMBOLS) {
    const variables = section.variables.map((_, i) => ({ type: standIn, offset: 4 * i, size: 4 }));
    return { ...section, size: 4 * variables.length, variables };
  }
  let end = 0;
  const variables = section.variables.map((entry) => {
    const variable = btf.resolvedType(entry.type);
    const offset = variable.kind === "var" ? alignUp(end, btf.alignOf(variable.type)) : end;
    end = offset + entry.size;
    return { ...entry, offset };
  });
  // A section of nothing but constants without a name has no entries, but the kernel takes no empty ones.
  return { ...section, size: Math.max(end, size ?? 1), variables };
};

/** @param word for variables of the kernel, a type of four bytes in place of their own */
const finishType = (type: BtfType, word: number | undefined): BtfType => {
  if (type.kind === "func" && type.linkage === "extern") return { ...type, linkage: "global" };
  if (type.kind === "var" && type.linkage === "extern") return { ...type, linkage: "global", type: word ?? type.type };
  if (type.kind !== "func_proto") return type;
  const parameters = type.parameters.map((parameter) => ({
    ...parameter,
    name: parameter.name === "" && parameter.type !== 0 ? STAND_IN : parameter.name,
  }));
  return { ...type, parameters };
};

const finishTypes = (btf: Btf, { maps, functions }: Pick<ProgramSpec, "maps" | "functions">): Btf => {
  const sizes = sizesOf(btf, maps.values());
  const linkages = new Map(functions.map(({ typeId, linkage }) => [typeId, linkage] as const));
  const word = btf.types.length;
  const standIn = word + 1;
  const symbols = btf.types.find((type) => type.kind === "datasec" && type.name === KERNEL_SYMBOLS);
  const ofKernel = new Set(symbols?.kind === "datasec" ? symbols.variables.map(({ type }) => type) : []);
  const types = btf.types.slice(btf.firstId).map((type, i) => {
    const id = btf.firstId + i;
    if (type.kind === "datasec" && type.size === 0) return finishSection(btf, type, sizes.get(id), standIn);
    const linkage = linkages.get(id);
    if (type.kind === "func" && linkage !== undefined) return { ...type, linkage };
    return finishType(type, ofKernel.has(id) ? word : undefined);
  });
  types.push({ kind: "int", name: "int", size: 4, encoding: "signed", bitOffset: 0, bits: 32 });
  types.push({ kind: "var", name: STAND_IN, type: word, linkage: "global" });
  return new Btf(types, { order: btf.order });
};

/** A recorded program with types that the kernel takes. */
export const withFinishedTypes = (spec: ProgramSpec): ProgramSpec => {
  const { btf } = spec;
  if (btf === undefined) return spec;
  const finished = finishTypes(btf, spec);
  const mapWith = (map: MapSpec): MapSpec => ({
    ...map,
    ...(map.btf?.btf === btf && { btf: { ...map.btf, btf: finished } }),
    ...(map.inner && { inner: mapWith(map.inner) }),
  });
  return { ...spec, btf: finished, maps: new Map([...spec.maps].map(([handle, map]) => [handle, mapWith(map)])) };
};
