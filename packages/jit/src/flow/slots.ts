import type { Instruction } from "@ebpf/asm";
import type { InstructionFacts, StackFacts } from "@ebpf/verifier";

/** Stack bytes that only loads and stores at one place of a known size touch. */
export interface Slot {
  /** Offset from the end of the frame. */
  readonly from: number;
  /** Bytes that every store to it writes; loads read at most as many. */
  readonly size: number;
}

/** The slots of every function, by the pc where it begins and their offset. */
export type SlotTable = ReadonlyMap<number, ReadonlyMap<number, Slot>>;

/** Accesses of one function to one place. */
interface Place {
  stored: number;
  loaded: number;
}

/** Deepest frame that a program may have. */
const MAX_DEPTH = 512;

/** The accesses to one function's frame while they are collected. */
class FrameUse {
  readonly #places = new Map<number, Place>();
  /** Byte `i` lies `i + 1` below the end of the frame. */
  readonly #blocked = new Uint8Array(MAX_DEPTH);

  block({ from, to }: { readonly from: number; readonly to: number }): void {
    this.#blocked.fill(1, -to, -from);
  }

  load(from: number, size: number): void {
    const place = this.#at(from);
    place.loaded = Math.max(place.loaded, size);
  }

  store(from: number, size: number): void {
    const place = this.#at(from);
    if (place.stored !== 0 && place.stored !== size) this.block({ from, to: from + Math.max(place.stored, size) });
    place.stored = size;
  }

  slots(): ReadonlyMap<number, Slot> {
    const slots = new Map<number, Slot>();
    let end = -MAX_DEPTH;
    let last: Slot | undefined;
    for (const [from, { stored, loaded }] of [...this.#places].sort(([a], [b]) => a - b)) {
      const slot = { from, size: Math.max(stored, loaded) };
      if (from < end) {
        if (last !== undefined) slots.delete(last.from);
        last = undefined;
      } else {
        last = slot;
        if (stored === slot.size && !this.#blocked.subarray(-from - stored, -from).includes(1)) slots.set(from, slot);
      }
      end = Math.max(end, from + slot.size);
    }
    return slots;
  }

  #at(from: number): Place {
    const known = this.#places.get(from);
    if (known !== undefined) return known;
    const place = { stored: 0, loaded: 0 };
    this.#places.set(from, place);
    return place;
  }
}

/** Adds what one instruction of the function at `start` does to the frame that it accesses. */
const addUse = ({ op }: Instruction, facts: InstructionFacts, stack: StackFacts, use: FrameUse): void => {
  const { from, to } = stack;
  const isPlain = (op.family === "load" && op.mode === "mem") || op.family === "store";
  if (!isPlain || facts.regions.length > 1 || facts.readsUninitialized || to - from !== op.size) use.block(stack);
  else if (op.family === "load") use.load(from, op.size);
  else use.store(from, op.size);
};

/**
 * Finds the stack slots of a program that nothing can tell from registers: no helper, no callee and no computed address
 * gets at them, by the verifier's word. What lies across a slot keeps both in memory.
 *
 * @param starts pcs where functions begin, ascending
 */
export const findSlots = (
  instructions: readonly Instruction[],
  starts: readonly number[],
  facts: readonly (InstructionFacts | undefined)[],
): SlotTable => {
  const frames = new Map(starts.map((start) => [start, new FrameUse()]));
  let current = -1;
  // Not by the facts: where a function begins there may be none.
  instructions.forEach((instruction, pc) => {
    if (starts[current + 1] === pc) current++;
    const row = facts[pc];
    const stack = row?.stack;
    if (stack === undefined) return;
    const own = frames.get(starts[current]!);
    if (stack.owner === starts[current] && own !== undefined) addUse(instruction, row!, stack, own);
    else if (stack.owner !== undefined) frames.get(stack.owner)?.block(stack);
    else for (const frame of frames.values()) frame.block(stack);
  });
  return new Map([...frames].map(([start, use]) => [start, use.slots()]));
};
