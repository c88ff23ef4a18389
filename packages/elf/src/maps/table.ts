import type { MapSpec } from "@ebpf/platform";
import { KCONFIG } from "../externs/collect.js";

/** A map of an object, and where programs refer to it. */
export interface ObjectMap {
  readonly spec: MapSpec;
  /** Index of its ELF section. */
  readonly section: number;
  /** Bytes from the section's start. */
  readonly offset: number;
  /** True when references are to bytes of its value instead of to the map. */
  readonly isData: boolean;
}

/** What a reference into a section of maps or data means. */
export interface MapReference {
  readonly handle: number;
  readonly isData: boolean;
}

/** All maps of an object. A handle is a number from 1 on, the same for all programs. */
export class MapTable {
  readonly specs: ReadonlyMap<number, MapSpec>;
  /** Handle of the map of configuration values. */
  readonly kconfig: number | undefined;
  readonly #maps: readonly ObjectMap[];
  readonly #sections: ReadonlySet<number>;
  readonly #declared = new Map<string, number>();
  readonly #data = new Map<number, number>();

  /** @param arenaSection index of the ELF section of variables in the object's arena */
  constructor(maps: readonly ObjectMap[], arenaSection?: number) {
    this.#maps = maps;
    this.#sections = new Set(maps.map(({ section }) => section));
    this.specs = new Map(maps.map(({ spec }, i) => [i + 1, spec]));
    maps.forEach(({ isData, section, offset }, i) => {
      if (isData) this.#data.set(section, i + 1);
      else this.#declared.set(`${section}:${offset}`, i + 1);
    });
    const arena = maps.findIndex(({ spec }) => spec.type === "arena");
    if (arenaSection !== undefined && arena >= 0) this.#data.set(arenaSection, arena + 1);
    const kconfig = maps.findIndex(({ spec }) => spec.section === KCONFIG);
    this.kconfig = kconfig < 0 ? undefined : kconfig + 1;
  }

  /** Whether a section holds maps, or is one. */
  hasSection(section: number): boolean {
    return this.#sections.has(section);
  }

  /** The map at a place, or `undefined` when none begins there. */
  find(section: number, offset: number): MapReference | undefined {
    const data = this.#data.get(section);
    if (data !== undefined) return { handle: data, isData: true };
    const declared = this.#declared.get(`${section}:${offset}`);
    return declared === undefined ? undefined : { handle: declared, isData: false };
  }

  /** The map that a handle stands for. */
  get(handle: number): ObjectMap | undefined {
    return this.#maps[handle - 1];
  }
}
