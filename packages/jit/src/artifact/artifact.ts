import { type HelperPrototype, objectOffsets, type ProgramSpec, takesPackets } from "@ebpf/platform";
import {
  CELL,
  CONTEXT_BASE,
  EMPTY_OBJECT,
  type Executable,
  MAX_CONTEXT_SIZE,
  MAX_PACKET_SIZE,
  PACKET_BASE,
  PAGE_SIZE,
  type Parameter,
  type Runtime,
  type RuntimeMap,
} from "@ebpf/runtime";
import { ADDRESS_REACH, type InstructionFacts } from "@ebpf/verifier";
import { JitError } from "../errors.js";
import { knowledgeOf } from "../flow/ranges.js";
import { implementHelper, isCode } from "../inline/helper-bodies.js";
import { valueOffset } from "../inline/map-code.js";
import { type MapOperation, MapOperations } from "../inline/map-operations.js";
import { addProgram, type FinishOptions, finishModule } from "../module.js";
import { defineRun } from "../run.js";
import { defineRunOnPacket } from "../run-on-packet.js";
import { type CustomSection, type FunctionReference, ModuleBuilder, withSections } from "../wasm/module.js";
import type { SourceMap } from "../wasm/source-map.js";
import { type Reachable, writeCallback, writeLoadFromPacket, writeTailCallTarget } from "./entries.js";
import { ArtifactHost } from "./host.js";
import {
  ARTIFACT_VERSION,
  type ArtifactHelperInfo,
  type ArtifactInfo,
  type ArtifactMapInfo,
  type ArtifactProgramInfo,
} from "./info.js";
import { snapshotHeap } from "./snapshot.js";

/** A program of an artifact. */
export interface ArtifactProgram {
  /** As the runtime knows it. */
  readonly executable: Executable;
  /** What the verifier found out about it: `Report.facts`. */
  readonly facts: readonly (InstructionFacts | undefined)[];
}

/** What goes into an artifact beside programs. */
export interface ArtifactOptions extends FinishOptions {
  /** The maps of the programs by handle. */
  readonly maps: ReadonlyMap<number, RuntimeMap>;
  /** The types of programs and maps, encoded: the content of an object's `.BTF` section. */
  readonly btf?: Uint8Array;
}

/** A WebAssembly module that runs without this library. */
export interface Artifact {
  readonly wasm: Uint8Array;
  /** What its custom section `ebpf.info` says. */
  readonly info: ArtifactInfo;
  readonly sourceMap?: SourceMap;
}

/**
 * Makes one stand-alone module of programs that a verifier accepted, and of their maps with the content that these have
 * now. docs/artefact.md describes its imports, exports and custom sections.
 *
 * @throws JitError `UNSUPPORTED` for kernel functions, and for a runtime of several CPUs
 */
export const buildArtifact = (
  programs: readonly ArtifactProgram[],
  runtime: Runtime,
  options: ArtifactOptions,
): Artifact => {
  if (runtime.cpus !== 1) throw new JitError("UNSUPPORTED", "an artifact has one CPU");
  return new ArtifactBuilder(programs, runtime, options).build();
};

/** What the host can do with a map, by the names of its exports. */
const READING: readonly MapOperation[] = ["lookup", "next", "peek", "take"];
const WRITING: readonly MapOperation[] = ["update", "delete", "push", "pop"];

class ArtifactBuilder {
  readonly #runtime: Runtime;
  readonly #options: ArtifactOptions;
  readonly #module: ModuleBuilder;
  readonly #operations: MapOperations;
  /** Every map that a program can reach. */
  readonly #maps: readonly RuntimeMap[];
  readonly #programs: readonly ArtifactProgram[];

  constructor(programs: readonly ArtifactProgram[], runtime: Runtime, options: ArtifactOptions) {
    this.#programs = programs;
    this.#runtime = runtime;
    this.#options = options;
    this.#module = new ModuleBuilder((name) => ["helper", this.#prototypeOf(name)?.name ?? name]);
    this.#operations = new MapOperations(this.#module, runtime);
    this.#maps = [...new Set([...options.maps.values()].flatMap((map) => [map, ...map.innerMaps()]))];
  }

  build(): Artifact {
    const { memory } = this.#runtime;
    const reachable = this.#addPrograms();
    const programs = this.#programs.map(({ executable }, index) => {
      return this.#exportProgram(executable.spec, reachable[index]!.enter, this.#programs[index]!.facts);
    });
    const maps = this.#maps.map((map) => this.#exportMap(map));
    this.#implementImports(reachable);
    const scratch = Math.ceil(memory.heapEnd / PAGE_SIZE) * PAGE_SIZE;
    const largest = Math.max(0, ...this.#maps.map(({ spec }) => spec.keySize + spec.valueSize));
    const size = Math.max(1, Math.ceil(largest / PAGE_SIZE)) * PAGE_SIZE;
    const info = this.#describe({ programs, maps }, { address: scratch, size });
    const pages = (scratch + size) / PAGE_SIZE;
    const content = new Map(reachable.map(({ number, enter }) => [number, enter]));
    const encoded = this.#module.finish({ kind: "exported", pages, data: snapshotHeap(memory) }, content);
    const { bytes, map } = finishModule(this.#module, encoded, this.#options);
    return { wasm: withSections(bytes, this.#sections(info)), info, ...(map && { sourceMap: map }) };
  }

  #addPrograms(): readonly Reachable[] {
    const isRoomy = this.#runtime.memory.heapEnd + ADDRESS_REACH + PAGE_SIZE <= 2 ** 32;
    const parts = { module: this.#module, operations: this.#operations, lines: this.#hasSourceMap };
    let functionBase = 0;
    return this.#programs.map(({ executable, facts }) => {
      const { spec } = executable;
      const host = new ArtifactHost(this.#runtime, spec, this.#options.maps, functionBase);
      const entries = addProgram(host, knowledgeOf(host, isRoomy ? facts : []), parts);
      functionBase += spec.instructions.length;
      return { ...entries, number: this.#runtime.register(executable), functionBase: host.functionBase };
    });
  }

  #exportProgram(
    spec: ProgramSpec,
    entry: FunctionReference,
    facts: readonly (InstructionFacts | undefined)[],
  ): ArtifactProgramInfo {
    const { name, type, section } = spec;
    const clearStack = facts.some((fact) => fact?.readsUninitialized === true);
    const run = { entry, clearStack };
    const defined = defineRun(this.#module, `${name}.run`, run);
    this.#module.export(defined);
    const layout = this.#runtime.platform.programTypes[type]?.context ?? { name: "", size: 0, fields: [] };
    const packet = takesPackets(layout) ? `${name}.packet` : undefined;
    if (packet !== undefined) this.#module.export(defineRunOnPacket(this.#module, packet, run, layout));
    const fields = layout.fields.map((field) => ({ name: field.name, offset: field.offset, size: field.size }));
    const context = { name: layout.name, size: layout.size, fields, objects: objectOffsets(layout) };
    return { name, type, section, run: defined.name, ...(packet !== undefined && { packet }), context };
  }

  #exportMap(map: RuntimeMap): ArtifactMapInfo {
    const { spec, handle } = map;
    const { name, type, keySize, valueSize, maxEntries, flags, section, btf } = spec;
    const operations: Partial<Record<MapOperation, string>> = {};
    for (const operation of map.frozen ? READING : [...READING, ...WRITING]) {
      const reference = this.#operations.of(map, operation);
      if (reference === undefined) continue;
      this.#module.export(reference);
      operations[operation] = reference.name;
    }
    const place = this.#operations.place(map);
    return {
      ...{ name, type, keySize, valueSize, maxEntries, flags, handle },
      ...(map.valuesAddress !== 0 && { values: { address: map.valuesAddress, stride: place.entrySize } }),
      ...(operations.next !== undefined && { valueOffset: valueOffset(place) - valueOffset({ ...place, keySize: 0 }) }),
      ...(section !== undefined && { section }),
      ...(btf?.keyTypeId !== undefined && { keyTypeId: btf.keyTypeId }),
      ...(btf?.valueTypeId !== undefined && { valueTypeId: btf.valueTypeId }),
      operations,
    };
  }

  get #hasSourceMap(): boolean {
    return (this.#options.sourceMap ?? false) !== false;
  }

  /** Gives bodies to whatever the programs asked for and doesn't need the host. */
  #implementImports(reachable: readonly Reachable[]): void {
    const module = this.#module;
    const callback = module.define("ebpf.callback", new Array(12).fill("i32" as const), ["i32"]);
    writeCallback(callback.code, reachable);
    module.export(callback);
    for (const reference of module.imports) {
      const { name } = reference;
      const prototype = this.#prototypeOf(name);
      if (name === "tail_call_target") writeTailCallTarget(module.implement(reference), this.#maps, this.#operations);
      else if (name === "load_from_packet") writeLoadFromPacket(module.implement(reference));
      else if (prototype === undefined) module.implement(reference).op("unreachable");
      else if (isCode(prototype.name, { implementations: this.#runtime.implementations, ownsRandom: false })) {
        const parts = { maps: this.#maps, mayMeetOthers: false, operations: this.#operations, callback };
        implementHelper(module, reference, prototype, parts);
      }
    }
  }

  /** The helper that an import stands for: `helper_N`, or `host_N` for what the host still has to do of it. */
  #prototypeOf(name: string): HelperPrototype | undefined {
    const id = /^(?:helper|host)_(\d+)$/.exec(name)?.[1];
    return id === undefined ? undefined : this.#runtime.platform.helpers.get(Number(id));
  }

  #describe(
    { programs, maps }: Pick<ArtifactInfo, "programs" | "maps">,
    scratch: ArtifactInfo["memory"]["scratch"],
  ): ArtifactInfo {
    const { packetData, packetEnd, packetMeta, resultHigh } = CELL;
    return {
      version: ARTIFACT_VERSION,
      license: this.#programs[0]?.executable.spec.license ?? "",
      memory: {
        context: { address: CONTEXT_BASE, size: MAX_CONTEXT_SIZE },
        packet: { address: PACKET_BASE, size: MAX_PACKET_SIZE },
        ...{ scratch, packetData, packetEnd, packetMeta, resultHigh, emptyObject: EMPTY_OBJECT },
      },
      programs,
      maps,
      helpers: this.#module.imports.map((reference) => this.#describeHelper(this.#prototypeOf(reference.name)!)),
    };
  }

  #describeHelper({ id, name, returnClass }: HelperPrototype): ArtifactHelperInfo {
    const host = new ArtifactHost(this.#runtime, this.#programs[0]!.executable.spec, this.#options.maps, 0);
    const callee = host.helper(id);
    const parameters = callee.kind === "function" ? callee.implementation.parameters : [];
    return { name, id, parameters: parameters.flatMap(wordNames), returns: returnClass };
  }

  #sections(info: ArtifactInfo): CustomSection[] {
    const sections: CustomSection[] = [{ name: "ebpf.info", bytes: new TextEncoder().encode(JSON.stringify(info)) }];
    const { btf } = this.#options;
    if (btf !== undefined) sections.push({ name: "ebpf.btf", bytes: btf });
    // With a source map come names, and a back end may have changed which functions there are.
    if (!this.#hasSourceMap && this.#options.backend === undefined) sections.push(this.#module.names());
    return sections;
  }
}

const wordNames = (parameter: Parameter): ArtifactHelperInfo["parameters"] =>
  parameter === "long" ? ["low", "high"] : [parameter];
