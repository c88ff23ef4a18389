import type { Btf } from "@ebpf/btf";
import type { MapSpec } from "@ebpf/platform";
import { type KernelBtf, loadBtf } from "./btf.js";
import { createMap } from "./create-map.js";
import { type Descriptor, disposeAll, type OpenDescriptors } from "./descriptor.js";
import { KernelError } from "./errors.js";
import type { KernelMap } from "./map.js";
import type { System } from "./system.js";

/** What is there already, and used instead of making it anew. */
export interface SharedParts {
  /** By the very object that the program's spec holds. Initial values may refer to them by name. */
  readonly maps?: ReadonlyMap<MapSpec, KernelMap> | undefined;
  readonly btfs?: ReadonlyMap<Btf, KernelBtf> | undefined;
}

/** The maps and types that one load needs: shared ones, and those that it makes and answers for. */
export class Parts implements Disposable {
  /** What was made here, in order. */
  readonly made: Descriptor[] = [];
  readonly #system: System;
  readonly #open: OpenDescriptors;
  readonly #maps: Map<MapSpec, KernelMap>;
  readonly #btfs: Map<Btf, KernelBtf>;
  readonly #byName = new Map<string, KernelMap>();

  constructor(system: System, open: OpenDescriptors, { maps = new Map(), btfs = new Map() }: SharedParts) {
    this.#system = system;
    this.#open = open;
    this.#maps = new Map(maps);
    this.#btfs = new Map(btfs);
    for (const [{ name }, map] of maps) this.#byName.set(name, map);
  }

  /**
   * The kernel's counterpart of types.
   *
   * @param texts strings that line info will refer to; types that are there already may be without them
   * @throws KernelError `BTF_LOAD`
   */
  btf(btf: Btf, texts: Iterable<string> = []): KernelBtf {
    const known = this.#btfs.get(btf);
    if (known !== undefined) return known;
    const loaded = loadBtf(this.#system, this.#open, btf, texts);
    this.made.push(loaded);
    this.#btfs.set(btf, loaded);
    return loaded;
  }

  /** The kernel's counterpart of a map. @throws KernelError as `createMap`; `BAD_OPTION` for maps of maps of maps */
  map(spec: MapSpec): KernelMap {
    const known = this.#maps.get(spec);
    if (known !== undefined) return known;
    if (spec.inner?.inner !== undefined) {
      throw new KernelError("BAD_OPTION", `map ${spec.name} holds maps of maps, and the kernel knows one level only`);
    }
    const map = createMap(this.#system, this.#open, spec, {
      btf: spec.btf && this.btf(spec.btf.btf),
      inner: spec.inner && this.map(spec.inner),
      references: this.#byName,
    });
    this.made.push(map);
    this.#maps.set(spec, map);
    this.#byName.set(spec.name, map);
    return map;
  }

  /** The kernel's counterparts of maps by handle. Maps of maps come last, as their values refer to the others. */
  mapsByHandle(specs: ReadonlyMap<number, MapSpec>): Map<number, KernelMap> {
    const isOuter = (spec: MapSpec): number => (spec.inner === undefined ? 0 : 1);
    const ordered = [...specs].sort(([, a], [, b]) => isOuter(a) - isOuter(b));
    return new Map(ordered.map(([handle, spec]) => [handle, this.map(spec)] as const));
  }

  /** Leaves a map to the caller. */
  release(map: KernelMap): KernelMap {
    this.made.splice(this.made.indexOf(map), 1);
    return map;
  }

  [Symbol.dispose](): void {
    disposeAll(this.made);
  }
}
