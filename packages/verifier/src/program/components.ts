import type { Instruction } from "@ebpf/asm";
import type { Flow } from "./control-flow.js";

/*
 * The shape of control flow: which slots lie on a common cycle, and in which order facts flow backwards fastest.
 */

const UNSEEN = 0;
const SEEN = 1;
const EXPANDED = 2;

/**
 * The slots that can be reached from the start of each function inside it, each behind its successors where there is no
 * cycle. The way of a jump comes before the way behind it, as in Linux, whose log shows the order.
 */
export const postorders = ({ next, target }: Flow, starts: readonly number[]): number[][] => {
  const progress = new Uint8Array(next.length);
  const stack: number[] = [];
  const push = (pc: number): void => {
    if (pc < 0 || progress[pc] !== UNSEEN) return;
    progress[pc] = SEEN;
    stack.push(pc);
  };
  return starts.map((start) => {
    const order: number[] = [];
    push(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (progress[top] === EXPANDED) {
        order.push(top);
        stack.pop();
        continue;
      }
      progress[top] = EXPANDED;
      push(next[top]!);
      push(target[top]!);
    }
    return order;
  });
};

/** By slot: its place in the order that it stands in, or -1. */
export const placesIn = (orders: readonly (readonly number[])[], length: number): Int32Array => {
  const places = new Int32Array(length).fill(-1);
  for (const order of orders) for (let place = 0; place < order.length; place++) places[order[place]!] = place;
  return places;
};

/** Strongly connected components by Tarjan's method, with a stack of its own because programs are long. */
class Components {
  readonly ids: Uint32Array;
  private readonly flow: Flow;
  /** The order of discovery, from 1; 0 for slots not seen. */
  private readonly order: Uint32Array;
  private readonly low: Uint32Array;
  private readonly open: number[] = [];
  private readonly isOpen: Uint8Array;
  /** Edges of a slot on the way down that were followed: the one to the next slot, then that of the jump. */
  private readonly followed: Uint8Array;
  private seen = 0;
  private count = 0;

  constructor(flow: Flow) {
    const { length } = flow.next;
    this.flow = flow;
    this.ids = new Uint32Array(length);
    this.order = new Uint32Array(length);
    this.low = new Uint32Array(length);
    this.isOpen = new Uint8Array(length);
    this.followed = new Uint8Array(length);
  }

  visitAll(instructions: readonly Instruction[]): void {
    for (let pc = 0; pc < instructions.length; pc++) {
      if (this.order[pc] === 0 && instructions[pc]!.op.family !== "lddw-tail") this.visitFrom(pc);
    }
  }

  private enter(pc: number): number {
    this.seen++;
    this.order[pc] = this.seen;
    this.low[pc] = this.seen;
    this.open.push(pc);
    this.isOpen[pc] = 1;
    return pc;
  }

  /** The successor that comes next, or -1. */
  private follow(pc: number): number {
    const edge = this.followed[pc]!;
    if (edge === 2) return -1;
    this.followed[pc] = edge + 1;
    return edge === 0 ? this.flow.next[pc]! : this.flow.target[pc]!;
  }

  private visitFrom(start: number): void {
    const stack = [this.enter(start)];
    for (let pc = stack.at(-1); pc !== undefined; pc = stack.at(-1)) {
      const next = this.follow(pc);
      if (next < 0) {
        stack.pop();
        this.leave(pc);
        const parent = stack.at(-1);
        if (parent !== undefined) this.low[parent] = Math.min(this.low[parent]!, this.low[pc]!);
      } else if (this.order[next] === 0) stack.push(this.enter(next));
      else if (this.isOpen[next]) this.low[pc] = Math.min(this.low[pc]!, this.order[next]!);
    }
  }

  /** When `pc` is the first of its component, the component is what was opened since. One slot alone is a loop only if it goes to itself. */
  private leave(pc: number): void {
    if (this.low[pc] !== this.order[pc]) return;
    const loops = this.open.at(-1) !== pc || this.flow.next[pc] === pc || this.flow.target[pc] === pc;
    if (loops) this.count++;
    for (let member = -1; member !== pc; ) {
      member = this.open.pop()!;
      this.isOpen[member] = 0;
      if (loops) this.ids[member] = this.count;
    }
  }
}

/** By slot, the number of the cycle that the slot lies on, or 0. */
export const findComponents = (instructions: readonly Instruction[], flow: Flow): Uint32Array => {
  const components = new Components(flow);
  components.visitAll(instructions);
  return components.ids;
};
