import type { Instruction } from "@ebpf/asm";
import type { Btf } from "@ebpf/btf";
import type { ByteOrder, EbpfError, SourcePlace } from "@ebpf/core";
import type { AttachType } from "./attach-types.js";
import type { MapTypeName } from "./map-types.js";
import type { ProgramTypeName } from "./program-types.js";

/*
 * The plain values that the stages exchange. `elf` makes them from object files, `conformance` from recorded programs,
 * a user by hand; `verifier`, `runtime`, `jit` and `kernel` take them.
 */

/** A map, as a program or a loader describes it. */
export interface MapSpec {
  readonly name: string;
  readonly type: MapTypeName;
  /** Bytes of a key; 0 for maps without keys. */
  readonly keySize: number;
  /** Bytes of a value, of one CPU for per-CPU maps. */
  readonly valueSize: number;
  /** Entries; bytes for ring buffers, pages for arenas. */
  readonly maxEntries: number;
  /** Bits of `MAP_FLAGS`. */
  readonly flags: number;
  /** `map_extra`; its meaning depends on the type. */
  readonly extra?: bigint;
  readonly numaNode?: number;
  /** `name` when the map is to be pinned under its own name; a number is one that only the program's own loader knows. */
  readonly pinning?: "none" | "name" | number;
  /** Types of key and value in `btf`. */
  readonly btf?: { readonly btf: Btf; readonly keyTypeId?: number; readonly valueTypeId?: number };
  /** What the elements of a map of maps look like. */
  readonly inner?: MapSpec;
  /** Value that the only entry begins with (global data), or the values of several by key. */
  readonly initial?: readonly MapEntry[];
  /**
   * True for a map that neither program nor user may change after `initial` was written (`.rodata`): its content is
   * part of the program and known to the verifier.
   */
  readonly frozen?: boolean;
  /** What global data section the map stands for; absent for maps that the program declares. */
  readonly section?: string;
  /** What the kernel is to call the map, of at most 15 characters; absent when that is `name`, cut to this length. */
  readonly kernelName?: string;
  /** For a map of type `struct_ops`: how its only value becomes one of the kernel. */
  readonly structOps?: StructOps;
}

/** A structure of functions that programs implement. The map's initial value is the object's own idea of it. */
export interface StructOps {
  /** Name of the structure in the kernel, such as `tcp_congestion_ops`. */
  readonly struct: string;
  /** The structure in the object's BTF. */
  readonly typeId: number;
  /** Names of programs by the member that they implement. */
  readonly programs: ReadonlyMap<string, string>;
  /** The types that the kernel has for it; absent when no kernel's BTF was given. */
  readonly kernel?: {
    /** The structure. */
    readonly typeId: number;
    /** The map's value, which holds the structure and what the kernel adds to it. */
    readonly valueTypeId: number;
    /** Bytes of that value, and where in it the structure begins. */
    readonly valueSize: number;
    readonly dataOffset: number;
  };
}

/** An entry of a map. A `reference` is the name of a map or program whose handle is the value. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array | { readonly reference: string };
}

/** Where a function of a program begins. The first is the program's entry at pc 0. */
export interface FunctionInfo {
  readonly pc: number;
  readonly name: string;
  /** Type id of the function in the program's BTF; absent without BTF. */
  readonly typeId?: number;
  readonly linkage: "static" | "global" | "extern";
}

/** The source line of the instructions from `pc` up to the next entry's pc. */
export interface LineInfo {
  readonly pc: number;
  readonly file: string;
  /** The line's text as the compiler saw it. */
  readonly text: string;
  readonly line: number;
  /** Counts from 1; 0 when unknown. */
  readonly column: number;
}

/** A line as the place of an error. */
export const placeOfLine = ({ file, line, column }: Pick<LineInfo, "file" | "line" | "column">): SourcePlace => ({
  file,
  line,
  ...(column > 0 && { column }),
});

/** What `BPF_PROG_LOAD` takes as flags. */
export interface ProgramFlags {
  readonly sleepable?: boolean;
  /** XDP programs that accept packets in several buffers. */
  readonly frags?: boolean;
  readonly strictAlignment?: boolean;
  readonly anyAlignment?: boolean;
  /** Makes the verifier keep a state at every instruction (for tests of pruning). */
  readonly testStateFrequency?: boolean;
}

/** One program after all relocation: everything that a verifier or an engine needs. */
export interface ProgramSpec {
  readonly name: string;
  readonly section: string;
  readonly type: ProgramTypeName;
  readonly attachType?: AttachType;
  /** What the section name says the program attaches to, such as a kernel function. */
  readonly attachTarget?: string;
  /** The id of the attach target in the kernel's BTF; for `struct_ops` that of the structure. */
  readonly attachBtfId?: number;
  /** The kernel module that `attachBtfId` is a type of; absent for the kernel's own types. */
  readonly attachModule?: string;
  /** For `struct_ops`: the index of the structure's member that the program is for, which stands for an attach type. */
  readonly structOpsMember?: number;
  readonly license: string;
  readonly flags: ProgramFlags;
  readonly byteOrder: ByteOrder;
  /** Slot-indexed, entry first, then every subprogram that it reaches. */
  readonly instructions: readonly Instruction[];
  /** In order of pc. A program made by hand may leave it empty: subprograms then are found from the calls. */
  readonly functions: readonly FunctionInfo[];
  /** In order of pc. */
  readonly lines: readonly LineInfo[];
  /** Maps by handle: the number that `imm` of an `lddw_map` or `lddw_map_value` carries. */
  readonly maps: ReadonlyMap<number, MapSpec>;
  /**
   * Kernel modules whose functions are called or whose variables are read. The `offset` of a `call_kfunc` and the second
   * half of an `lddw_ksym` say whose: 0 the kernel's own, n the module at n - 1.
   */
  readonly modules?: readonly string[];
  readonly btf?: Btf;
}

/**
 * A program without an object file.
 *
 * @param more what differs from: a program `main` in a section of its type's name, under the GPL, little-endian, without
 *   flags, maps, types and lines
 */
export const programSpec = (
  type: ProgramTypeName,
  instructions: readonly Instruction[],
  more: Partial<Omit<ProgramSpec, "type" | "instructions">> = {},
): ProgramSpec => ({
  name: "main",
  section: type,
  type,
  license: "GPL",
  flags: {},
  byteOrder: "little",
  instructions,
  functions: [],
  lines: [],
  maps: new Map(),
  ...more,
});

/** A program of an object: its spec, or the reason why this one can't be had although the object opens. */
export type ObjectProgram = ProgramName & ({ readonly spec: ProgramSpec } | { readonly error: EbpfError });

/** Which program of an object is meant. */
export interface ProgramName {
  readonly name: string;
  /** Name of its ELF section, without the `?` of optional programs. */
  readonly section: string;
  /** False for a program that is to be loaded only when it is asked for by name. */
  readonly autoload?: false;
}

/** An object file: programs that share maps. Handles are the same in all programs. */
export interface ObjectSpec {
  readonly programs: readonly ObjectProgram[];
  /** By handle; every map of the object, used or not. */
  readonly maps: ReadonlyMap<number, MapSpec>;
  readonly license: string;
  /** The `version` section of old objects. */
  readonly kernelVersion?: number;
  readonly byteOrder: ByteOrder;
  readonly btf?: Btf;
}
