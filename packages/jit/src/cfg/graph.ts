import { type Instruction, type Operation, type Size, slotsOf, targetOf } from "@ebpf/asm";
import { loopCost } from "@ebpf/runtime";

/** A way from one block to another. `cost` is what the budget is charged on it, 0 for a way forward. */
export interface Edge {
  readonly target: number;
  readonly cost: number;
}

/** The low word of a register less `low`, unsigned. */
export interface SwitchValue {
  readonly register: number;
  readonly low: number;
}

/** How a block ends. */
export type Terminator =
  | { readonly kind: "goto"; readonly edge: Edge }
  | { readonly kind: "branch"; readonly taken: Edge; readonly next: Edge }
  /**
   * Jumps to the edge with an index, to the last one when there are fewer. The index is a value, or in a local: the slot
   * that a computed jump goes to, or what a routing block selects. They are two locals, because the way of a computed
   * jump may itself lead through a routing block.
   */
  | { readonly kind: "switch"; readonly by: "slot" | "selector" | SwitchValue; readonly edges: readonly Edge[] }
  /** The block's last instruction leaves the function: `exit`, or one that always faults. */
  | { readonly kind: "leave" };

/** An instruction at its place. */
export interface Step {
  readonly pc: number;
  /** Its `dst` and `src` are virtual registers: r0..r10 of the function, or those of one that it was inlined into. */
  readonly slot: Instruction;
  /** The virtual register that is the instruction's r0, for what it uses without naming it. */
  readonly base: number;
  /** Instead of what the slot says: rotates `src` left by so many bits into `dst`, in the width of the slot. */
  readonly rotate?: number;
  /** For a move: another register is its source unless this jump would be taken. */
  readonly unless?: Choice;
  /** Instead of what the slot says: does what rounds of a loop would do to memory, and leaves their number in `dst`. */
  readonly bulk?: Bulk;
}

/** An address: the sum of registers and a constant. */
export interface Place {
  readonly terms: readonly number[];
  readonly displacement: number;
}

/** As many rounds of a loop as can be done at once: none, or all but the last ones. */
export interface Bulk {
  /** The register that counts, by `step` each round, while it is less than `end`, a register or a number; all are words. */
  readonly index: number;
  readonly end: { readonly register: number } | { readonly number: number };
  readonly step: 1 | 2 | 4 | 8;
  /** Where the first round stores, and each other one `size` bytes further on. */
  readonly target: Place;
  readonly size: Size;
  /** What is stored: what lies elsewhere in the same order, or one byte over and over. */
  readonly from: Place | { readonly register: number } | { readonly number: number };
}

/** What a value is chosen by: the comparison of a jump, and the register to take where it doesn't hold. */
export interface Choice {
  readonly jump: Instruction;
  readonly src: number;
}

/** Instructions that run one after another. */
export interface Block {
  /** Slot where it begins; of no meaning in blocks that only route control. */
  readonly start: number;
  readonly steps: readonly Step[];
  /** The jump at its end. */
  readonly jump?: Step;
  /** Set for a routing block: the value that it puts into the selector. */
  readonly selects?: number;
  readonly terminator: Terminator;
}

/** The blocks of a function; the first is its entry. Everything is reachable from it. */
export interface Graph {
  readonly blocks: readonly Block[];
}

/** Whether a block's jump goes where a register says. */
export const isComputedJump = (jump: Step | undefined): boolean =>
  jump?.slot.op.family === "jump" && jump.slot.op.operator === "gotox";

/** The edges of a block in the order of its terminator. */
export const edgesOf = ({ terminator }: Block): readonly Edge[] => {
  switch (terminator.kind) {
    case "goto":
      return [terminator.edge];
    case "branch":
      return [terminator.taken, terminator.next];
    case "switch":
      return terminator.edges;
    case "leave":
      return [];
  }
};

/** The same block with other edges. */
export const withEdges = (block: Block, change: (edge: Edge) => Edge): Block => {
  const { terminator } = block;
  switch (terminator.kind) {
    case "goto":
      return { ...block, terminator: { kind: "goto", edge: change(terminator.edge) } };
    case "branch":
      return {
        ...block,
        terminator: { kind: "branch", taken: change(terminator.taken), next: change(terminator.next) },
      };
    case "switch":
      return { ...block, terminator: { ...terminator, edges: terminator.edges.map(change) } };
    case "leave":
      return block;
  }
};

/** Whether control never goes on to the next slot. */
const leaves = (family: Operation["family"]): boolean =>
  family === "exit" || family === "raw" || family === "lddw-tail";

/** Stands for the shared block of computed jumps where the start of a block is expected. */
const COMPUTED = -1;

/** Splits programs into the blocks of their functions. */
export class Grapher {
  readonly #instructions: readonly Instruction[];
  /** Set for slots where a block begins, whichever function it is in. */
  readonly #leaders: Uint8Array;

  constructor(instructions: readonly Instruction[]) {
    this.#instructions = instructions;
    this.#leaders = this.#findLeaders();
  }

  /** The graph of the function that begins at `entry`. */
  graph(entry: number): Graph {
    const blocks: Block[] = [];
    const known = new Map<number, number>();
    const pending: number[] = [];
    const idOf = (start: number): number => {
      const id = known.get(start) ?? known.size;
      if (id === known.size) {
        known.set(start, id);
        pending.push(start);
      }
      return id;
    };
    idOf(this.#clamp(entry));
    // Ids are given in the order in which blocks are asked for, and blocks are made in the same order.
    for (let next = 0; next < pending.length; next++) {
      const start = pending[next]!;
      blocks.push(start === COMPUTED ? this.#computedJumps(idOf) : this.#block(start, idOf));
    }
    return { blocks };
  }

  /** A jump out of the program goes to the slot behind its end, which faults. */
  #clamp(target: number): number {
    return target >= 0 && target < this.#instructions.length ? target : this.#instructions.length;
  }

  #findLeaders(): Uint8Array {
    const instructions = this.#instructions;
    const leaders = new Uint8Array(instructions.length + 1);
    leaders[0] = 1;
    for (let pc = 0; pc < instructions.length; pc++) {
      const slot = instructions[pc]!;
      const { family } = slot.op;
      // Most instructions have nothing to do with control.
      if (family === "alu" || family === "load" || family === "store") continue;
      if (slot.op.family === "jump" && slot.op.operator === "gotox") return leaders.fill(1);
      const target = targetOf(slot, pc);
      if (target !== undefined) leaders[this.#clamp(target)] = 1;
      if (family === "jump" || leaves(family)) leaders[pc + 1] = 1;
    }
    leaders[instructions.length] = 1;
    return leaders;
  }

  #block(start: number, idOf: (start: number) => number): Block {
    const slots = this.#instructions.length;
    const steps: Step[] = [];
    let pc = start;
    while (pc < slots) {
      const slot = this.#instructions[pc]!;
      const { family } = slot.op;
      const step = { pc, slot, base: 0 };
      if (family === "jump") return { start, steps, jump: step, terminator: this.#jump(slot, pc, idOf) };
      steps.push(step);
      if (leaves(family)) return { start, steps, terminator: { kind: "leave" } };
      pc += slotsOf(slot);
      if (this.#leaders[pc] === 1) break;
    }
    if (start === slots) return { start, steps, terminator: { kind: "leave" } };
    return { start, steps, terminator: { kind: "goto", edge: { target: idOf(this.#clamp(pc)), cost: 0 } } };
  }

  #jump(slot: Instruction, pc: number, idOf: (start: number) => number): Terminator {
    const target = targetOf(slot, pc);
    // What a computed jump costs depends on its target; the jump itself is charged.
    if (target === undefined) return { kind: "goto", edge: { target: idOf(COMPUTED), cost: 0 } };
    const taken = { target: idOf(this.#clamp(target)), cost: loopCost(pc, target) };
    if (slot.op.family === "jump" && slot.op.operator === "always") return { kind: "goto", edge: taken };
    return { kind: "branch", taken, next: { target: idOf(this.#clamp(pc + 1)), cost: 0 } };
  }

  /** The routing block that all computed jumps of a function share. */
  #computedJumps(idOf: (start: number) => number): Block {
    const edges = this.#instructions.map((_, to) => ({ target: idOf(to), cost: 0 }));
    return { start: 0, steps: [], terminator: { kind: "switch", by: "slot", edges } };
  }
}
