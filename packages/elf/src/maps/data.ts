import type { Btf } from "@ebpf/btf";
import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { type ElfFile, type ElfSection, SECTION_TYPE } from "../elf-file.js";
import { ElfError } from "../errors.js";
import { dataMapName } from "./kernel-name.js";
import type { ObjectMap } from "./table.js";

/** Global variables: each section of them becomes an array map with one value. */
const DATA_SECTION = /^\.(data|rodata|bss)(\..*)?$/;
const MAX_VALUE_SIZE = 0xffff_ffff;

const isData = ({ name, type, size }: ElfSection): boolean => {
  const group = DATA_SECTION.exec(name)?.[1];
  return group !== undefined && size > 0 && type === (group === "bss" ? SECTION_TYPE.nobits : SECTION_TYPE.progbits);
};

/**
 * The maps of an object's global data.
 *
 * @param objectName what the maps' names begin with in the kernel
 * @throws ElfError `BAD_SECTION` for a section too large for a map.
 */
export const readDataMaps = (file: ElfFile, btf: Btf | undefined, objectName: string): ObjectMap[] =>
  file.sections.filter(isData).map((section) => ({
    spec: dataMap(section, btf, objectName),
    section: section.index,
    offset: 0,
    isData: true,
  }));

const dataMap = (section: ElfSection, btf: Btf | undefined, objectName: string): MapSpec => {
  const { name, size, content } = section;
  if (size > MAX_VALUE_SIZE) throw new ElfError("BAD_SECTION", `${size} bytes are too many for a map`, content);
  const readOnly = name.startsWith(".rodata");
  const valueTypeId = btf?.findByName(name, "datasec");
  return {
    name,
    kernelName: dataMapName(objectName, name),
    type: "array",
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: (isVisible(btf, valueTypeId) ? MAP_FLAGS.mmapable : 0) | (readOnly ? MAP_FLAGS.readOnlyProgram : 0),
    section: name,
    ...(section.type === SECTION_TYPE.nobits
      ? {}
      : { initial: [{ key: new Uint8Array(4), value: content.bytes.slice() }] }),
    ...(readOnly ? { frozen: true } : {}),
    ...(btf === undefined || valueTypeId === undefined ? {} : { btf: { btf, valueTypeId } }),
  };
};

/** Whether anything in the section is for users to see, who then map it into their memory. */
const isVisible = (btf: Btf | undefined, typeId: number | undefined): boolean => {
  const section = btf === undefined || typeId === undefined ? undefined : btf.type(typeId);
  if (btf === undefined || section?.kind !== "datasec") return false;
  return section.variables.some(({ type }) => {
    const variable = btf.type(type);
    return variable.kind === "var" && variable.linkage !== "static";
  });
};
