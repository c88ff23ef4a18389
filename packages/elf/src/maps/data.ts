import type { Btf } from "@ebpf/btf";
import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { type ElfFile, type ElfSection, SECTION_FLAG, SECTION_TYPE } from "../elf-file.js";
import { ElfError } from "../errors.js";
import type { ObjectMap } from "./table.js";

/** Global variables: each section of them becomes an array map with one value. */
const DATA_SECTION = /^\.(data|rodata|bss)(\..*)?$/;
const MAX_VALUE_SIZE = 0xffff_ffff;

/**
 * The maps of an object's global data.
 *
 * @throws ElfError `BAD_SECTION` for a section too large for a map.
 */
export const readDataMaps = (file: ElfFile, btf: Btf | undefined): ObjectMap[] =>
  file.sections
    .filter(
      (section) => DATA_SECTION.test(section.name) && section.size > 0 && (section.flags & SECTION_FLAG.alloc) !== 0,
    )
    .map((section) => ({ spec: dataMap(section, btf), section: section.index, offset: 0, isData: true }));

const dataMap = (section: ElfSection, btf: Btf | undefined): MapSpec => {
  if (section.size > MAX_VALUE_SIZE) {
    throw new ElfError("BAD_SECTION", `section ${section.name} of ${section.size} bytes is too large for a map`);
  }
  const readOnly = (section.flags & SECTION_FLAG.write) === 0 || section.name.startsWith(".rodata");
  const valueTypeId = btf?.findByName(section.name, "datasec");
  return {
    name: section.name,
    type: "array",
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: MAP_FLAGS.mmapable | (readOnly ? MAP_FLAGS.readOnlyProgram : 0),
    section: section.name,
    ...(section.type === SECTION_TYPE.nobits
      ? {}
      : { initial: [{ key: new Uint8Array(4), value: section.content.bytes.slice() }] }),
    ...(readOnly ? { frozen: true } : {}),
    ...(btf === undefined || valueTypeId === undefined ? {} : { btf: { btf, valueTypeId } }),
  };
};
