import type { Program, Subprogram } from "../program/program.js";
import type { StoredState } from "../prune/stored.js";
import type { Marks } from "../state/marks.js";
import type { State } from "../state/state.js";
import type { Statistics } from "./report.js";

/** The way back of a number that the walk relied on. Slots count from 0, the eight bytes below the frame pointer. */
export type PrecisionEvent = { readonly kind: "precision"; readonly frame: number } & (
  | { readonly step: "propagate"; readonly registers: number; readonly slots: readonly number[] }
  /** The instructions from `last` back to `first` are gone over; `next` is the one that was walked after them. */
  | { readonly step: "search"; readonly last: number; readonly first: number; readonly next: number }
  | { readonly step: "back"; readonly registers: number; readonly slots: readonly number[]; readonly pc: number }
  | {
      readonly step: "stored";
      readonly registers: number;
      readonly slots: readonly number[];
      readonly stored: StoredState;
    }
  | { readonly step: "all" }
  | { readonly step: "force"; readonly name: string }
);

/** What became known about which stack slots are read later. */
export type LivenessEvent = { readonly callSites: readonly number[]; readonly start: number } & (
  | { readonly kind: "liveness"; readonly rounds: number }
  | {
      readonly kind: "slots";
      readonly name: "live" | "written";
      readonly frame: number;
      readonly pc: number;
      readonly added: readonly number[];
      readonly removed: readonly number[];
    }
);

/** Calls of the program's own functions, and what loops do. */
export type FlowEvent =
  /** A static function or a callback is entered, or left by the exit at `from`: the last frame is its. */
  | { readonly kind: "call"; readonly state: State }
  | { readonly kind: "return"; readonly state: State; readonly from: number; readonly to: number }
  | { readonly kind: "global call"; readonly callee: Subprogram }
  /** A global function is about to be walked by itself, or has been. */
  | { readonly kind: "function" | "function safe"; readonly subprogram: Subprogram }
  /** A visit of a loop begins, gets a back edge, or is over; `key` names the calls that lead there, and the loop. */
  | { readonly kind: "loop"; readonly step: "enter" | "backedge" | "exit"; readonly key: string }
  /** A helper has called back as often as it may. */
  | { readonly kind: "rounds done"; readonly frame: number }
  | { readonly kind: "infinite loop"; readonly current: State; readonly old: StoredState };

/** What the walk tells while it goes. States may be looked at, but not kept: they change with the next instruction. */
export type WalkEvent =
  /** The functions were told apart: all that is known of a program that is refused as a whole. */
  | { readonly kind: "functions"; readonly subprograms: readonly Subprogram[] }
  | { readonly kind: "begin"; readonly program: Program }
  /** `pc` is about to be walked. `touched` are the registers and stack slots that changed or were read since last told. */
  | { readonly kind: "instruction"; readonly pc: number; readonly state: State; readonly touched: Marks }
  /** A comparison has been walked; the path goes on with what it told. */
  | { readonly kind: "compared"; readonly pc: number; readonly state: State; readonly touched: Marks }
  /** A path is put off, or taken up: the one that was put off last. */
  | { readonly kind: "put off" }
  | { readonly kind: "branch"; readonly from: number; readonly pc: number; readonly state: State }
  | { readonly kind: "pruned"; readonly pc: number; readonly from: number }
  | { readonly kind: "rejected"; readonly message: string }
  | { readonly kind: "end"; readonly statistics: Statistics }
  | FlowEvent
  | PrecisionEvent
  | LivenessEvent;

/** Where events go. */
export type WalkEmit = (event: WalkEvent) => void;
