/*
 * Sets of registers and stack slots over all frames of a call chain, as bits: three words a frame.
 *
 *     word 0: register r at bit r     words 1 and 2: stack slots 0..31 and 32..63
 */

/** Words by frame. */
export const WORDS = 3;

/** A set of registers and stack slots; it changes in place. */
export class Marks {
  protected readonly words: Int32Array;

  /** @param frames how many frames it can tell apart */
  constructor(frames: number) {
    this.words = new Int32Array(WORDS * frames);
  }

  get isEmpty(): boolean {
    const { words } = this;
    for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
    return true;
  }

  /** The registers of a frame as bits. */
  registers(frame: number): number {
    return this.words[WORDS * frame]!;
  }

  /** The slots of a frame, ascending. */
  slots(frame: number): number[] {
    const slots: number[] = [];
    for (let half = 0; half < 2; half++) {
      const word = this.words[WORDS * frame + 1 + half]!;
      if (word === 0) continue;
      for (let bit = 0; bit < 32; bit++) if ((word >>> bit) & 1) slots.push(32 * half + bit);
    }
    return slots;
  }

  hasRegister(frame: number, register: number): boolean {
    return (this.words[WORDS * frame]! & (1 << register)) !== 0;
  }

  addRegister(frame: number, register: number): void {
    this.words[WORDS * frame]! |= 1 << register;
  }

  deleteRegister(frame: number, register: number): void {
    this.words[WORDS * frame]! &= ~(1 << register);
  }

  hasSlot(frame: number, slot: number): boolean {
    return (this.words[WORDS * frame + 1 + (slot >> 5)]! & (1 << (slot & 31))) !== 0;
  }

  addSlot(frame: number, slot: number): void {
    this.words[WORDS * frame + 1 + (slot >> 5)]! |= 1 << (slot & 31);
  }

  deleteSlot(frame: number, slot: number): void {
    this.words[WORDS * frame + 1 + (slot >> 5)]! &= ~(1 << (slot & 31));
  }

  /** True when the frame has a register or slot in the set. */
  touches(frame: number): boolean {
    const { words } = this;
    const at = WORDS * frame;
    return (words[at]! | words[at + 1]! | words[at + 2]!) !== 0;
  }

  /** Adds every register and slot. */
  addAll(): void {
    this.words.fill(-1);
  }

  clear(): void {
    this.words.fill(0);
  }
}
