import type { Instruction } from "@ebpf/asm";
import { successorsOf } from "./control-flow.js";

/*
 * The shape of control flow: which slots lie on a common cycle, and in which order facts flow backwards fastest.
 */

/** A slot on the way down, with the successors that are left to visit. */
interface Visit {
  readonly pc: number;
  readonly successors: readonly number[];
  next: number;
}

const visitOf = (instructions: readonly Instruction[], pc: number): Visit => ({
  pc,
  successors: successorsOf(instructions[pc]!, pc),
  next: 0,
});

/**
 * The slots that can be reached from `start` inside its function, each behind its successors where there is no cycle. The
 * way of a jump comes before the way behind it, as in Linux, whose log shows the order.
 */
export const postorderFrom = (instructions: readonly Instruction[], start: number): number[] => {
  const order: number[] = [];
  const seen = new Set([start]);
  const expanded = new Set<number>();
  const stack = [start];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (expanded.has(top)) {
      order.push(top);
      stack.pop();
      continue;
    }
    expanded.add(top);
    for (const next of successorsOf(instructions[top]!, top)) {
      if (seen.has(next)) continue;
      seen.add(next);
      stack.push(next);
    }
  }
  return order;
};

/** Strongly connected components by Tarjan's method, with a stack of its own because programs are long. */
class Components {
  readonly ids: Uint32Array;
  private readonly instructions: readonly Instruction[];
  /** The order of discovery, from 1; 0 for slots not seen. */
  private readonly order: Uint32Array;
  private readonly low: Uint32Array;
  private readonly open: number[] = [];
  private readonly isOpen: Uint8Array;
  private seen = 0;
  private count = 0;

  constructor(instructions: readonly Instruction[]) {
    const { length } = instructions;
    this.instructions = instructions;
    this.ids = new Uint32Array(length);
    this.order = new Uint32Array(length);
    this.low = new Uint32Array(length);
    this.isOpen = new Uint8Array(length);
  }

  visitAll(): void {
    for (let pc = 0; pc < this.instructions.length; pc++) {
      const { family } = this.instructions[pc]!.op;
      if (this.order[pc] === 0 && family !== "lddw-tail") this.visitFrom(pc);
    }
  }

  private enter(pc: number): Visit {
    this.seen++;
    this.order[pc] = this.seen;
    this.low[pc] = this.seen;
    this.open.push(pc);
    this.isOpen[pc] = 1;
    return visitOf(this.instructions, pc);
  }

  private visitFrom(start: number): void {
    const stack = [this.enter(start)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { pc } = top;
      const next = top.successors[top.next++];
      if (next === undefined) {
        stack.pop();
        this.leave(top);
        const parent = stack.at(-1);
        if (parent !== undefined) this.low[parent.pc] = Math.min(this.low[parent.pc]!, this.low[pc]!);
      } else if (next < this.instructions.length && this.order[next] === 0) stack.push(this.enter(next));
      else if (this.isOpen[next]) this.low[pc] = Math.min(this.low[pc]!, this.order[next]!);
    }
  }

  /** When `pc` is the first of its component, the component is what was opened since. One slot alone is a loop only if it goes to itself. */
  private leave({ pc, successors }: Visit): void {
    if (this.low[pc] !== this.order[pc]) return;
    const from = this.open.lastIndexOf(pc);
    const members = this.open.splice(from);
    for (const member of members) this.isOpen[member] = 0;
    if (members.length === 1 && !successors.includes(pc)) return;
    this.count++;
    for (const member of members) this.ids[member] = this.count;
  }
}

/** By slot, the number of the cycle that the slot lies on, or 0. */
export const findComponents = (instructions: readonly Instruction[]): Uint32Array => {
  const components = new Components(instructions);
  components.visitAll();
  return components.ids;
};
