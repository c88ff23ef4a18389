import type { AttachType } from "./attach-types.js";
import type { ContextLayout } from "./context.js";
import type { HelperPrototype } from "./helper.js";
import type { LinuxMapType } from "./map-types.js";
import type { ProgramTypeName } from "./program-types.js";
import type { KernelStructure } from "./structure.js";

/** A range that r0 must lie in at the entry program's exit. */
export interface ExitRule {
  /** Attach types that the rule is for; all when absent. The first rule that matches counts. */
  readonly attachTypes?: readonly AttachType[];
  /** Inclusive. */
  readonly range: readonly [number, number];
}

/** Rules for a type of program. */
export interface ProgramTypeRules {
  readonly context: ContextLayout;
  /** Where r0 is limited at exit; any value when no rule matches. */
  readonly exit?: readonly ExitRule[];
  /** Whether the packet may be read through packet pointers. */
  readonly packetReadable?: true;
  /** Whether the packet may be written through packet pointers. */
  readonly packetWritable?: true;
  /** Whether packet pointers may be passed to any helper that takes memory, and not just to those that say so. */
  readonly packetArguments?: true;
  /** Whether legacy packet loads are allowed. */
  readonly legacyPacketLoads?: true;
  /** Attach types that a program of this type may be loaded for; any when absent. None stands for number 0. */
  readonly attachTypes?: readonly AttachType[];
  /** Programs may be loaded as sleepable, or can't be loaded otherwise. */
  readonly sleepable?: true | "always";
  /** Programs that may interrupt anything: they may not use maps with timers or spin locks. */
  readonly tracing?: true;
  /** Programs whose functions with large stacks get stacks of their own, unless they make tail calls. */
  readonly privateStack?: true;
}

/** Rules for a type of map. */
export interface MapTypeRules {
  /** Helpers that take such a map, by name without `bpf_`. */
  readonly helpers: readonly string[];
  /** Every key below `maxEntries` has a value, so that looking up a known one never fails. */
  readonly allPresent?: true;
  /** Programs may hold the address of a value. */
  readonly directValue?: true;
  /** The kernel's own structure that stands for such a map, which programs may read; unknown when absent. */
  readonly structure?: KernelStructure;
  /** Values are maps. */
  readonly nested?: true;
  /** Peeking asks whether a given value is in the map, so that it reads the value instead of writing it. */
  readonly peekReads?: true;
  /** Values are sockets: look-ups acquire one, updates take one. */
  readonly sockets?: true;
  /** Program types that may change the map, by the helper's name without `bpf_`; all when absent. */
  readonly changedBy?: Readonly<Record<string, readonly ProgramTypeName[]>>;
  /** Programs may read values, but not write them. */
  readonly readOnlyValues?: true;
  /** Values are objects of this kind, as which pointers to them are known once they aren't NULL. */
  readonly values?: "sock" | "xdp_sock";
  /** For a platform's own type: the type of Linux as which a runtime keeps such maps. Its rules hold here as well. */
  readonly storedAs?: LinuxMapType;
  /** What maps of this type may be at most; anything that fits into memory when absent. */
  readonly atMost?: MapSizes;
}

/** Bytes of a key and of a value, and entries. */
export interface MapSizes {
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly maxEntries?: number;
}

export interface PlatformLimits {
  /** Instructions that verification may walk. */
  readonly instructions: number;
  /** Slots of a program. */
  readonly programSlots: number;
  /** Branches that may be pending at one time. */
  readonly pendingBranches: number;
  /** Frames of local calls, entry included. */
  readonly frames: number;
  /** Bytes of stack of a function, and of a chain of calls. */
  readonly stack: number;
  /** Bytes of stack above a function that makes tail calls. */
  readonly stackWithTailCalls: number;
  /** Functions of a program, entry included. */
  readonly subprograms: number;
  /** Maps that a program may refer to. */
  readonly maps: number;
  /** Iterations of `may_goto` and `bpf_loop`. */
  readonly loopIterations: number;
}

/** What a program may rely on: plain data, so that an embedder can bring their own. */
export interface Platform {
  readonly name: string;
  /** By name. */
  readonly programTypes: Readonly<Record<string, ProgramTypeRules>>;
  /** By id. */
  readonly helpers: ReadonlyMap<number, HelperPrototype>;
  /** By name. */
  readonly mapTypes: Readonly<Record<string, MapTypeRules>>;
  readonly limits: PlatformLimits;
  /** CPUs of the machine at most. */
  readonly cpus: number;
}
