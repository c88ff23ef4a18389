import type { Btf } from "@ebpf/btf";
import type { ElfFile } from "../elf-file.js";
import { readBtfMaps } from "./btf-maps.js";
import { readDataMaps } from "./data.js";
import { readLegacyMaps } from "./legacy.js";
import { MapTable } from "./table.js";

/**
 * All maps of an object: those it declares, then its global data.
 *
 * @throws ElfError `BAD_MAP`, `BAD_SECTION`.
 */
export const readMaps = (file: ElfFile, btf: Btf | undefined): MapTable => {
  const declared = file.sections
    .filter(({ size }) => size > 0)
    .flatMap((section) => {
      if (section.name === "maps") return readLegacyMaps(file, section);
      if (section.name === ".maps") return readBtfMaps(file, section, btf);
      return [];
    });
  return new MapTable([...declared, ...readDataMaps(file, btf)]);
};
