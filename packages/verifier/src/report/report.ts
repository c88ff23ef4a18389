import type { LineInfo } from "@ebpf/platform";
import type { RejectionCode } from "./codes.js";
import type { InstructionFacts } from "./facts.js";

/** An instruction as people know it. */
export interface CodePlace {
  /** As kernel logs write it. */
  readonly instruction: string;
  /** Its C line, where the program has line information. */
  readonly source?: LineInfo;
}

/** A step on the way to a rejection: a branch that was decided. */
export interface PathStep extends CodePlace {
  /** The jump. */
  readonly from: number;
  /** Where it went on. */
  readonly to: number;
}

/** Where something that a rule is about came from, along the path to the rejection. */
export interface Provenance {
  /** `R1`, for a register; `reference 2` or `lock 2`, for what the program holds. */
  readonly subject: string;
  /** The instructions that made it, copied it, changed it or compared it, oldest first. */
  readonly steps: readonly (CodePlace & { readonly pc: number })[];
  /** Whether there may be older ones. */
  readonly truncated: boolean;
}

/** Why a program was rejected. */
export interface Diagnostic {
  /** Stable; tools match on it and never on the message. */
  readonly code: RejectionCode;
  /** What happened, in the words of kernel logs where the kernel has the rule. */
  readonly message: string;
  /** What programs must do. */
  readonly rule: string;
  /** What would mend the program. */
  readonly hint: string;
  /** The slot of the instruction; absent when the program as a whole is at fault. */
  readonly pc?: number;
  /** The instruction as kernel logs write it. */
  readonly instruction?: string;
  /** The function that the instruction is in. */
  readonly function?: string;
  /** The C line of the instruction, where the program has line information. */
  readonly source?: LineInfo;
  /** Registers that the rule is about. */
  readonly registers: readonly number[];
  /** Where the values came from that the rule is about. */
  readonly history: readonly Provenance[];
  /** The latest decisions that led there, oldest first; at most `PATH_LIMIT`. */
  readonly path: readonly PathStep[];
  /** Whether decisions older than `path` were left out. */
  readonly pathTruncated: boolean;
}

/** Decisions that a diagnostic keeps. */
export const PATH_LIMIT = 32;

export interface Statistics {
  /** Instructions walked, on all paths. */
  readonly processedInstructions: number;
  /** States stored, on all paths. */
  readonly totalStates: number;
  /** States stored at one time, at most. */
  readonly peakStates: number;
  /** States looked through at one prune point, at most. */
  readonly maxStatesPerInstruction: number;
  /** Branches pending at one time, at most. */
  readonly peakBranches: number;
}

/** A function of the program, as verified. */
export interface SubprogramReport {
  readonly name: string;
  readonly start: number;
  /** Behind the last slot. */
  readonly end: number;
  /** Bytes of stack that it uses. */
  readonly stackDepth: number;
}

/** What verification found. A plain value. */
export interface Report {
  readonly verdict: "accept" | "reject";
  /** Present when the verdict is `reject`. */
  readonly rejection?: Diagnostic;
  readonly statistics: Statistics;
  readonly subprograms: readonly SubprogramReport[];
  /** By pc; `undefined` for slots that no path reaches. Complete only when the verdict is `accept`. */
  readonly facts: readonly (InstructionFacts | undefined)[];
}
