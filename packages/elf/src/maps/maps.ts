import type { ElfFile } from "../elf-file.js";
import type { ExternTable } from "../externs/table.js";
import type { ObjectBtf } from "../object-btf.js";
import type { ReadOptions } from "../options.js";
import { readBtfMaps } from "./btf-maps.js";
import { readDataMaps } from "./data.js";
import { dataMapName, objectName } from "./kernel-name.js";
import { readLegacyMaps } from "./legacy.js";
import { readStructOps } from "./struct-ops.js";
import { MapTable, type ObjectMap } from "./table.js";

/** What the maps of an object are read from. */
export interface MapContext {
  readonly file: ElfFile;
  readonly types: ObjectBtf;
  readonly externs: ExternTable;
  readonly options: ReadOptions;
}

/** The section of variables that lie in the object's arena, named after the address space that compilers have for it. */
const ARENA_SECTION = ".addr_space.1";

/**
 * All maps of an object, in libbpf's order: those that it declares, its global data, the kernel's configuration, and
 * structures of functions.
 *
 * @throws ElfError `BAD_MAP`, `BAD_SECTION`.
 */
export const readMaps = ({ file, types, externs, options }: MapContext): MapTable => {
  const btf = types.complete;
  const filled = file.sections.filter(({ size }) => size > 0);
  const declared = filled.flatMap((section) => {
    if (section.name === "maps") return readLegacyMaps(file, section);
    if (section.name === ".maps") return readBtfMaps(file, section, btf);
    return [];
  });
  const name = options.name ?? objectName(options.path ?? "object");
  const kconfig = externs.kconfigMap(dataMapName(name, ".kconfig"), btf);
  const arena = filled.find((section) => section.name === ARENA_SECTION)?.index;
  return new MapTable(
    [
      ...declared,
      ...readDataMaps(file, btf, name),
      ...(kconfig === undefined ? [] : [{ spec: kconfig, section: NO_SECTION, offset: 0, isData: true }]),
      ...filled.flatMap((section): ObjectMap[] => readStructOps(file, section, btf, options.kernel?.btf)),
    ],
    arena,
  );
};

/** For maps that no section of the file stands behind. */
const NO_SECTION = -1;
