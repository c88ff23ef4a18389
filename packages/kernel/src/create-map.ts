import { type MapSpec, mapTypeNumber } from "@ebpf/platform";
import { Attributes } from "./attributes.js";
import type { KernelBtf } from "./btf.js";
import type { Descriptor, OpenDescriptors } from "./descriptor.js";
import { KernelError } from "./errors.js";
import { KernelMap } from "./map.js";
import { entriesOf, extraOf, flagsOf, sizesOf } from "./map-shape.js";
import type { System } from "./system.js";

/** What a map needs that is made already. */
export interface MapParts {
  /** The types of key and value. */
  readonly btf?: KernelBtf | undefined;
  /** A map like those that this one will hold. */
  readonly inner?: KernelMap | undefined;
  /** Maps and programs that initial values refer to by name; values whose name isn't here stay unset. */
  readonly references?: ReadonlyMap<string, Descriptor>;
}

const typeNumber = ({ name, type }: MapSpec): number => {
  const number = mapTypeNumber(type);
  if (number < 0) throw new KernelError("BAD_OPTION", `map ${name}: Linux has no maps of type ${type}`);
  return number;
};

const attributesOf = (spec: MapSpec, { btf, inner }: MapParts): Attributes<"mapCreate"> =>
  new Attributes("mapCreate").name("mapName", spec.kernelName ?? spec.name).set({
    mapType: typeNumber(spec),
    ...sizesOf(spec),
    maxEntries: entriesOf(spec),
    mapFlags: flagsOf(spec),
    mapExtra: extraOf(spec),
    innerMapFd: inner?.fd,
    numaNode: spec.numaNode,
    ...(btf && {
      btfFd: btf.fd,
      ...(spec.structOps === undefined && {
        btfKeyTypeId: spec.btf?.keyTypeId,
        btfValueTypeId: spec.btf?.valueTypeId,
      }),
    }),
    btfVmlinuxValueTypeId: spec.structOps?.kernel?.valueTypeId,
  });

/** The value of such a map is a structure of the kernel, which has to be known. */
const checkStructOps = ({ name, type, structOps }: MapSpec): void => {
  if (type !== "struct_ops" || structOps?.kernel !== undefined) return;
  const problem = `map ${name}: its kernel structure ${structOps?.struct ?? ""} is not known`;
  throw new KernelError("UNSUPPORTED", problem, {
    hint: "read the object with the kernel's BTF, and check that it has it",
  });
};

/**
 * Asks for the map, and again without types when the kernel makes none with them, as loaders do: many types of map have
 * no use for them, and old compilers describe some that don't fit.
 */
const create = (system: System, spec: MapSpec, parts: MapParts): number => {
  const fd = system.bpf(attributesOf(spec, parts));
  if (fd >= 0 || parts.btf === undefined) return fd;
  return system.bpf(attributesOf(spec, { ...parts, btf: undefined }));
};

const fill = (map: KernelMap, { references }: MapParts): void => {
  // To write a structure of functions is to have the kernel use it.
  if (map.spec.type === "struct_ops") return;
  for (const { key, value } of map.spec.initial ?? []) {
    const content = value instanceof Uint8Array ? value : references?.get(value.reference);
    if (content !== undefined) map.update(key, content);
  }
  if (map.spec.frozen) map.freeze();
};

/**
 * Makes a map, writes what it begins with, and freezes it when its spec says so.
 *
 * A struct_ops map stays empty: its value would be in use from then on, and nothing is ever attached here.
 *
 * @throws KernelError `UNSUPPORTED` for a structure that the kernel isn't known to have; `MAP_CREATE`, `MAP_ACCESS` with the kernel's errno.
 */
export const createMap = (system: System, open: OpenDescriptors, spec: MapSpec, parts: MapParts = {}): KernelMap => {
  checkStructOps(spec);
  const fd = create(system, spec, parts);
  if (fd < 0) {
    throw new KernelError("MAP_CREATE", `the kernel makes no map ${spec.name} of type ${spec.type}`, { errno: -fd });
  }
  const map = new KernelMap(system, open, fd, spec);
  try {
    fill(map, parts);
    return map;
  } catch (error) {
    map[Symbol.dispose]();
    throw error;
  }
};
