import { type Btf, encodeBtf } from "@ebpf/btf";
import { type Artifact, buildArtifact, type FinishOptions } from "@ebpf/jit";
import type { MapSpec } from "@ebpf/platform";
import { ReferenceArray, type Runtime, type RuntimeMap } from "@ebpf/runtime";
import { LoadError } from "./errors.js";
import { LoadedMap } from "./map.js";
import type { LoadedProgram } from "./program.js";
import { Variables } from "./variables.js";

/** What a collection is made of. */
export interface CollectionParts {
  readonly specs: ReadonlyMap<number, MapSpec>;
  /** The runtime's maps by handle. */
  readonly maps: ReadonlyMap<number, RuntimeMap>;
  readonly programs: readonly LoadedProgram[];
  readonly btf: Btf | undefined;
}

/** A loaded object: programs that are ready to run, and the maps that they share. */
export class Collection {
  /** By name. */
  readonly programs: Readonly<Record<string, LoadedProgram>>;
  /** By name: every map that the object declares. Global variables are in `variables`. */
  readonly maps: Readonly<Record<string, LoadedMap>>;
  /** The global variables of the object. */
  readonly variables: Variables;
  readonly runtime: Runtime;
  readonly #parts: CollectionParts;

  constructor(runtime: Runtime, parts: CollectionParts) {
    this.runtime = runtime;
    this.#parts = parts;
    this.programs = byName(parts.programs, (program) => program.name);
    const declared = [...parts.maps.values()].filter((map) => map.spec.section === undefined);
    this.maps = byName(
      declared.map((map) => new LoadedMap(map, parts.btf)),
      (map) => map.name,
    );
    this.variables = new Variables(parts.specs, parts.maps);
    for (const map of declared) this.#fillReferences(map);
  }

  /** The program with this name. @throws LoadError `NO_PROGRAM` */
  program(name: string): LoadedProgram {
    const found = this.programs[name];
    if (found !== undefined) return found;
    throw new LoadError("NO_PROGRAM", `no program ${name} is loaded`);
  }

  /** The map with this name. @throws LoadError `NO_MAP` */
  map(name: string): LoadedMap {
    const found = this.maps[name];
    if (found !== undefined) return found;
    throw new LoadError("NO_MAP", `the object has no map ${name}`, `it has ${Object.keys(this.maps).join(", ")}`);
  }

  /**
   * All programs and maps in one WebAssembly module that runs without this library; maps begin with what is in them
   * now. docs/artefact.md describes it.
   *
   * @throws LoadError `NOT_VERIFIED` when a program was loaded unverified: nothing in the module checks it
   * @throws JitError `UNSUPPORTED` for what such a module cannot do
   */
  artifact(options: FinishOptions = {}): Artifact {
    const programs = this.#parts.programs.map(({ name, executable, report }) => {
      if (report !== undefined) return { executable, facts: report.facts };
      throw new LoadError("NOT_VERIFIED", `${name} was loaded unverified, and an artifact has no checks`);
    });
    const { maps, btf } = this.#parts;
    return buildArtifact(programs, this.runtime, { ...options, maps, ...(btf && { btf: encodeBtf(btf) }) });
  }

  /** Puts the programs and maps that the object names into arrays of programs and of maps. */
  #fillReferences(map: RuntimeMap): void {
    if (!(map instanceof ReferenceArray)) return;
    for (const { key, value } of map.spec.initial ?? []) {
      if (value instanceof Uint8Array) continue;
      const { reference } = value;
      const word =
        map.spec.type === "prog_array"
          ? this.runtime.register(this.program(reference).executable)
          : this.map(reference).raw.handle;
      map.update(key, Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24));
    }
  }
}

/** A record without a prototype: a map may well be called `constructor`. */
const byName = <T>(items: readonly T[], nameOf: (item: T) => string): Readonly<Record<string, T>> => {
  const record: Record<string, T> = Object.create(null) as Record<string, T>;
  for (const item of items) record[nameOf(item)] = item;
  return record;
};
