import type { MapTypeName, ProgramTypeName, ReturnClass } from "@ebpf/platform";
import type { MapOperation } from "../inline/map-operations.js";

/** Version of `ArtifactInfo`; another one means that readers of this one would misunderstand it. */
export const ARTIFACT_VERSION = 1;

/** A part of memory. */
export interface Area {
  readonly address: number;
  /** Bytes. */
  readonly size: number;
}

/** What the custom section `ebpf.info` of an artifact says, as JSON. Addresses are in the exported memory. */
export interface ArtifactInfo {
  readonly version: typeof ARTIFACT_VERSION;
  readonly license: string;
  readonly memory: {
    /** Where the host puts a context, and the packet of a program that takes one. */
    readonly context: Area;
    readonly packet: Area;
    /** Memory that is the host's own, for keys and values. */
    readonly scratch: Area;
    /** Words with the bounds of the packet, which a run may have moved, and with the high half of the last result. */
    readonly packetData: number;
    readonly packetEnd: number;
    readonly packetMeta: number;
    readonly resultHigh: number;
    /** Zeros. A context must point here for the object of each of its `objects`. */
    readonly emptyObject: number;
  };
  readonly programs: readonly ArtifactProgramInfo[];
  readonly maps: readonly ArtifactMapInfo[];
  /** The functions that the host has to give, in the module `helper`. */
  readonly helpers: readonly ArtifactHelperInfo[];
}

export interface ArtifactProgramInfo {
  readonly name: string;
  readonly type: ProgramTypeName;
  readonly section: string;
  /** Export `(address of the context) → r0`. */
  readonly run: string;
  /** Export `(length of the packet) → r0`, for types that take packets. */
  readonly packet?: string;
  readonly context: {
    readonly name: string;
    readonly size: number;
    readonly fields: readonly { readonly name: string; readonly offset: number; readonly size: number }[];
    /** Offsets of pointers, of 8 bytes, to objects of the kernel that are always there. */
    readonly objects: readonly number[];
  };
}

export interface ArtifactMapInfo {
  readonly name: string;
  readonly type: MapTypeName;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** What programs hold as the map's pointer, and helpers get. */
  readonly handle: number;
  /** Of an array: the first value, and the bytes from one to the next. */
  readonly values?: { readonly address: number; readonly stride: number };
  /** Bytes from the start of a key that `next` gives to its value. */
  readonly valueOffset?: number;
  /** Section of global variables that the map stands for. */
  readonly section?: string;
  /** Types in the custom section `ebpf.btf`. */
  readonly keyTypeId?: number;
  readonly valueTypeId?: number;
  /** Exports by what they do. */
  readonly operations: Readonly<Partial<Record<MapOperation, string>>>;
}

export interface ArtifactHelperInfo {
  readonly name: string;
  readonly id: number;
  /** Words in order; a 64-bit argument is two, the low half first. */
  readonly parameters: readonly ("word" | "pointer" | "low" | "high" | "frame")[];
  readonly returns: ReturnClass;
}
