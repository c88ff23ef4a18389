import type { Subprogram } from "../program/program.js";
import type { StoredState } from "../prune/stored.js";
import type { State } from "../state/state.js";

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

/** What the walk tells while it goes. States may be looked at, but not kept: they change with the next instruction. */
export type WalkEvent =
  /** `pc` is about to be walked. */
  | { readonly kind: "instruction"; readonly pc: number; readonly state: State }
  /** A path that was put off is taken up. */
  | { readonly kind: "branch"; readonly from: number; readonly pc: number; readonly state: State }
  /** A global function is about to be walked by itself, or has been. */
  | { readonly kind: "function" | "function safe"; readonly subprogram: Subprogram }
  | { readonly kind: "pruned"; readonly pc: number }
  | { readonly kind: "loop"; readonly pc: number; readonly current: State; readonly old: StoredState }
  | PrecisionEvent
  | LivenessEvent;

/** Where events go. */
export type WalkEmit = (event: WalkEvent) => void;
