import type { ContextLayout } from "./context.js";
import type { HelperPrototype } from "./helper.js";
import type { ProgramTypeName } from "./program-types.js";

/** Rules for a type of program. */
export interface ProgramTypeRules {
  readonly context: ContextLayout;
  /** Inclusive range that r0 must lie in at the entry program's exit; any value when absent. */
  readonly exitRange?: readonly [number, number];
  /** Whether the packet may be written through packet pointers. */
  readonly packetWritable?: true;
  /** Whether legacy packet loads are allowed. */
  readonly legacyPacketLoads?: true;
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
}

/** What a program may rely on: plain data, so that an embedder can bring their own. */
export interface Platform {
  readonly name: string;
  readonly programTypes: Readonly<Partial<Record<ProgramTypeName, ProgramTypeRules>>>;
  /** By id. */
  readonly helpers: ReadonlyMap<number, HelperPrototype>;
  /** Names of helpers that exist but have no prototype here yet, by id: calls to them are rejected as unsupported. */
  readonly helperNames: ReadonlyMap<number, string>;
  readonly limits: PlatformLimits;
}
