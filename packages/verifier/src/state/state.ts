import { invariant } from "@ebpf/core";
import type { MapSpec } from "@ebpf/platform";
import type { HistoryEntry } from "../prune/history.js";
import type { StoredState } from "../prune/stored.js";
import { NOT_INIT, type Register } from "./register.js";
import { EMPTY_SLOT, type Slot } from "./stack.js";

/** The register that holds the frame pointer. */
export const FRAME_POINTER = 10;
export const REGISTERS = 11;

/** A function's activation: its registers and its stack. */
export class Frame {
  /** Depth: 0 for the program's entry. */
  readonly index: number;
  /** Which function runs. */
  readonly subprogram: number;
  /** The pc of the call, or -1 for the entry. */
  readonly callSite: number;
  /** Called back by a helper: returning goes on at the call itself. */
  readonly callback: boolean;
  registers: Register[];
  stack: Slot[];
  /** How often the helper that runs now has called back. */
  callbackRounds = 0;
  /** How many functions that run later led here, each queued by the one before; 0 in the program itself. */
  asyncEntries = 0;

  constructor(index: number, subprogram: number, callSite: number, callback = false) {
    this.index = index;
    this.subprogram = subprogram;
    this.callSite = callSite;
    this.callback = callback;
    this.registers = new Array<Register>(REGISTERS).fill(NOT_INIT);
    this.stack = [];
  }

  fork(): Frame {
    const copy = new Frame(this.index, this.subprogram, this.callSite, this.callback);
    copy.registers = this.registers.slice();
    copy.stack = this.stack.slice();
    copy.callbackRounds = this.callbackRounds;
    copy.asyncEntries = this.asyncEntries;
    return copy;
  }

  slot(index: number): Slot {
    return this.stack[index] ?? EMPTY_SLOT;
  }

  setSlot(index: number, slot: Slot): void {
    this.deepen(index);
    this.stack[index] = slot;
  }

  /** Makes the stack reach down to a slot. */
  deepen(index: number): void {
    while (this.stack.length <= index) this.stack.push(EMPTY_SLOT);
  }
}

/** Something that the program acquired and must give back. */
export interface Reference {
  readonly kind: "pointer" | "lock";
  /** Of the pointer; a lock's is that of the map value that it lies in, and 0 where that is always the same. */
  readonly id: number;
  /** Where it was acquired. */
  readonly pc: number;
  /** The map that a lock lies in. */
  readonly object?: MapSpec;
}

/** What is known at one point of one path: the frames of the call chain and what is held across them. */
export class State {
  frames: Frame[];
  /** In the order in which they were acquired. */
  references: readonly Reference[];
  /** How often `may_goto` was passed on this path. */
  mayGotoDepth: number;
  /** How often helpers called back on this path. */
  callbackDepth: number;
  /** The stored state that this one descends from. */
  parent: StoredState | undefined;
  /** Where that one was stored, or the function that is walked begins. */
  firstPc: number;
  /** The way since then. */
  history: HistoryEntry | undefined;

  /** @param firstPc where the walk begins */
  constructor(frames: Frame[], firstPc: number) {
    this.frames = frames;
    this.parent = undefined;
    this.firstPc = firstPc;
    this.history = undefined;
    this.references = [];
    this.mayGotoDepth = 0;
    this.callbackDepth = 0;
  }

  /** A copy that can change by itself. Registers and slots are immutable and stay shared. */
  fork(): State {
    const copy = new State(
      this.frames.map((frame) => frame.fork()),
      this.firstPc,
    );
    copy.parent = this.parent;
    copy.history = this.history;
    copy.references = this.references;
    copy.mayGotoDepth = this.mayGotoDepth;
    copy.callbackDepth = this.callbackDepth;
    return copy;
  }

  /** The frame of the function that runs. */
  get frame(): Frame {
    const top = this.frames[this.frames.length - 1];
    invariant(top !== undefined, "a state has a frame");
    return top;
  }

  register(index: number): Register {
    return this.frame.registers[index]!;
  }

  setRegister(index: number, value: Register): void {
    this.frame.registers[index] = value;
  }

  /** Replaces every register and every spilled one, in all frames. */
  mapRegisters(change: (register: Register) => Register): void {
    for (const frame of this.frames) {
      for (let index = 0; index < REGISTERS; index++) frame.registers[index] = change(frame.registers[index]!);
      for (let index = 0; index < frame.stack.length; index++) {
        const slot = frame.stack[index]!;
        if (slot.spilled === undefined) continue;
        const spilled = change(slot.spilled);
        if (spilled !== slot.spilled) frame.stack[index] = { bytes: slot.bytes, spilled };
      }
    }
  }
}
