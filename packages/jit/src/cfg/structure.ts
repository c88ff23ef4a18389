import type { Code, Label } from "../wasm/code.js";
import { type Order, orderBlocks } from "./dominators.js";
import type { Block, Edge, Graph } from "./graph.js";

/** What writes the instructions of blocks; the structure around them is written here. */
export interface BlockWriter {
  readonly code: Code;
  /** Writes a block up to its terminator. */
  body(block: Block, id: number): void;
  /** Leaves on the stack whether the branch at the end of the block is taken. */
  condition(block: Block): void;
  /** Leaves on the stack what a switch jumps by. */
  selector(by: Extract<Block["terminator"], { kind: "switch" }>["by"]): void;
  /** Charges the budget for an edge; only called where it costs something. */
  charge(block: Block, edge: Edge): void;
}

/** What is still to be written: the block with this id, or the end of what was opened. */
type Task = number;
const END: Task = -1;

const NONE: readonly number[] = [];

/**
 * Writes a reducible graph as nested blocks and loops (N. Ramsey, "Beyond Relooper", ICFP 2022): each block stands
 * inside of its dominator. A block that several ways lead to stands behind a wasm `block` whose end is its label; a
 * loop's head stands in a wasm `loop`. Every other block is written where the one way to it is.
 *
 * The walk keeps its own stack: programs can be a hundred thousand blocks deep.
 */
export const writeStructure = (graph: Graph, writer: BlockWriter, order: Order = orderBlocks(graph)): void =>
  new StructureWriter(graph, writer, order).write();

class StructureWriter {
  readonly #blocks: readonly Block[];
  readonly #writer: BlockWriter;
  readonly #code: Code;
  readonly #isLoop: Uint8Array;
  readonly #isMerge: Uint8Array;
  /** Blocks with a label that a block dominates immediately, in the order in which they are written. */
  readonly #labelled: readonly (readonly number[] | undefined)[];
  /**
   * What a jump to a block goes to: the `block` that ends before it, and its `loop` once that is open. A block without
   * a label is written where the jump stands.
   */
  readonly #labels: (Label | undefined)[];
  readonly #tasks: Task[] = [];

  constructor(graph: Graph, writer: BlockWriter, { sequence, position, predecessors, dominator }: Order) {
    this.#blocks = graph.blocks;
    this.#writer = writer;
    this.#code = writer.code;
    this.#isLoop = new Uint8Array(graph.blocks.length);
    this.#isMerge = new Uint8Array(graph.blocks.length);
    this.#labels = new Array<Label | undefined>(graph.blocks.length).fill(undefined);
    const { first, blocks: sources } = predecessors;
    for (let id = 0; id < graph.blocks.length; id++) {
      let forward = 0;
      for (let at = first[id]!; at < first[id + 1]!; at++) {
        const from = sources[at]!;
        if (position[from]! >= position[id]!) this.#isLoop[id] = 1;
        else if (++forward > 1 || graph.blocks[from]!.terminator.kind === "switch") this.#isMerge[id] = 1;
      }
    }
    const labelled = new Array<number[] | undefined>(graph.blocks.length).fill(undefined);
    for (let index = 0; index < sequence.length; index++) {
      const id = sequence[index]!;
      if (this.#isMerge[id] !== 1) continue;
      const above = dominator[id]!;
      const known = labelled[above];
      if (known === undefined) labelled[above] = [id];
      else known.push(id);
    }
    this.#labelled = labelled;
  }

  write(): void {
    this.#tasks.push(0);
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) {
      if (task === END) this.#code.op("end");
      else this.#writeBlock(task);
    }
    // Every way ends in a return or a jump; this says so to the validator.
    this.#code.op("unreachable");
  }

  #writeBlock(id: number): void {
    const block = this.#blocks[id]!;
    if (this.#isLoop[id] === 1) {
      this.#labels[id] = this.#code.open("loop");
      this.#tasks.push(END);
    }
    const labelled = this.#labelled[id] ?? NONE;
    // The one that is written last is the outermost.
    for (let index = labelled.length - 1; index >= 0; index--) {
      const merge = labelled[index]!;
      this.#labels[merge] = this.#code.open("block");
      this.#tasks.push(merge, END);
    }
    this.#writer.body(block, id);
    this.#writeTerminator(block);
  }

  #writeTerminator(block: Block): void {
    const { terminator } = block;
    switch (terminator.kind) {
      case "leave":
        return;
      case "goto":
        this.#follow(block, terminator.edge);
        return;
      case "switch":
        this.#writer.selector(terminator.by);
        this.#writeTable(terminator.edges);
        return;
      case "branch":
        this.#writeBranch(block, terminator);
    }
  }

  #writeTable(edges: readonly Edge[]): void {
    const labels = edges.map(({ target }) => this.#labels[target]!);
    this.#code.brTable(labels, labels.at(-1)!);
  }

  #writeBranch(block: Block, { taken, next }: Extract<Block["terminator"], { kind: "branch" }>): void {
    this.#writer.condition(block);
    const takenLabel = this.#labels[taken.target];
    const nextLabel = this.#labels[next.target];
    if (takenLabel !== undefined && taken.cost === 0) {
      this.#code.brIf(takenLabel);
      this.#follow(block, next);
    } else if (takenLabel !== undefined) {
      this.#code.open("if");
      this.#follow(block, taken);
      this.#code.op("end");
      this.#follow(block, next);
    } else if (nextLabel !== undefined) {
      this.#code.op("i32.eqz").brIf(nextLabel);
      this.#follow(block, taken);
    } else {
      // Tasks run last in, first out: the taken side, the end of the `if`, the other side.
      this.#code.open("if");
      this.#tasks.push(next.target, END);
      this.#follow(block, taken);
    }
  }

  /** Goes on along an edge: a jump where the target has a label, else the target itself. */
  #follow(block: Block, edge: Edge): void {
    if (edge.cost > 0) this.#writer.charge(block, edge);
    const label = this.#labels[edge.target];
    if (label === undefined) this.#tasks.push(edge.target);
    else this.#code.br(label);
  }
}
