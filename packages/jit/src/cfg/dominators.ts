import { edgesOf, type Graph } from "./graph.js";

/**
 * The blocks next to each block, those of one next to each other: `first[id]` up to `first[id + 1]` are the places of those
 * of block `id`. Large programs have so many that a list for each takes longer to make than to use.
 */
export interface Neighbours {
  readonly first: Int32Array;
  readonly blocks: Int32Array;
}

/** Blocks in reverse post-order with their immediate dominators. */
export interface Order {
  /** Block ids; the entry is first. */
  readonly sequence: readonly number[];
  /** Position of each block in `sequence`. */
  readonly position: Int32Array;
  readonly predecessors: Neighbours;
  /** Immediate dominator of each block; the entry's is itself. */
  readonly dominator: Int32Array;
}

/** A depth-first walk from the entry. */
interface Walk {
  /** Block ids in the order in which they were reached. */
  readonly preOrder: readonly number[];
  readonly postOrder: readonly number[];
  /** Place of each block in `preOrder`. */
  readonly number: Int32Array;
  /** The block that each block was reached from; the entry's is itself. */
  readonly parent: Int32Array;
}

/** The blocks that each block goes on to, in the order of its edges. */
const successorsOf = ({ blocks }: Graph): Neighbours => {
  const first = new Int32Array(blocks.length + 1);
  const targets: number[] = [];
  for (let id = 0; id < blocks.length; id++) {
    const { terminator } = blocks[id]!;
    if (terminator.kind === "goto") targets.push(terminator.edge.target);
    else if (terminator.kind === "branch") targets.push(terminator.taken.target, terminator.next.target);
    else for (const { target } of edgesOf(blocks[id]!)) targets.push(target);
    first[id + 1] = targets.length;
  }
  return { first, blocks: Int32Array.from(targets) };
};

/** The same ways the other way around. */
const reversed = ({ first, blocks: targets }: Neighbours): Neighbours => {
  const begin = new Int32Array(first.length);
  for (let at = 0; at < targets.length; at++) begin[targets[at]! + 1]! += 1;
  for (let id = 1; id < begin.length; id++) begin[id]! += begin[id - 1]!;
  const sources = new Int32Array(targets.length);
  const next = begin.slice();
  for (let id = 0; id < first.length - 1; id++) {
    for (let at = first[id]!; at < first[id + 1]!; at++) sources[next[targets[at]!]!++] = id;
  }
  return { first: begin, blocks: sources };
};

const walk = ({ first, blocks: targets }: Neighbours): Walk => {
  const count = first.length - 1;
  const number = new Int32Array(count).fill(-1);
  const parent = new Int32Array(count);
  const preOrder: number[] = [];
  const postOrder: number[] = [];
  /** The blocks between the entry and here, and for each block the next way that is to be followed. */
  const path: number[] = [];
  const next = first.slice();
  const enter = (id: number, from: number): void => {
    number[id] = preOrder.length;
    parent[id] = from;
    preOrder.push(id);
    path.push(id);
  };
  enter(0, 0);
  while (path.length > 0) {
    const id = path[path.length - 1]!;
    if (next[id] === first[id + 1]) {
      postOrder.push(id);
      path.pop();
    } else {
      const target = targets[next[id]!++]!;
      if (number[target] === -1) enter(target, id);
    }
  }
  return { preOrder, postOrder, number, parent };
};

/**
 * Immediate dominators by Lengauer and Tarjan's algorithm ("A fast algorithm for finding dominators in a flowgraph",
 * 1979) in its simple form: the time is nearly linear whatever the graph looks like.
 */
const findDominators = ({ preOrder, number, parent }: Walk, { first, blocks: sources }: Neighbours): Int32Array => {
  const count = number.length;
  /** Number of the semidominator; at first a block's own number. */
  const semi = number.slice();
  const dominator = new Int32Array(count);
  const ancestor = new Int32Array(count).fill(-1);
  /** The block with the least semidominator on the way to the forest's root, as far as the way is compressed. */
  const label = Int32Array.from({ length: count }, (_, id) => id);
  /** Blocks that wait for the block which is their semidominator: the first one, and the next one for each. */
  const firstWaiting = new Int32Array(count).fill(-1);
  const nextWaiting = new Int32Array(count);
  const way: number[] = [];
  const evaluate = (id: number): number => {
    if (ancestor[id] === -1) return id;
    for (let at = id; ancestor[ancestor[at]!] !== -1; at = ancestor[at]!) way.push(at);
    for (let at = way.pop(); at !== undefined; at = way.pop()) {
      const above = ancestor[at]!;
      if (semi[label[above]!]! < semi[label[at]!]!) label[at] = label[above]!;
      ancestor[at] = ancestor[above]!;
    }
    return label[id]!;
  };
  for (let index = preOrder.length - 1; index > 0; index--) {
    const id = preOrder[index]!;
    for (let at = first[id]!; at < first[id + 1]!; at++) {
      semi[id] = Math.min(semi[id]!, semi[evaluate(sources[at]!)]!);
    }
    const waitsFor = preOrder[semi[id]!]!;
    nextWaiting[id] = firstWaiting[waitsFor]!;
    firstWaiting[waitsFor] = id;
    const above = parent[id]!;
    ancestor[id] = above;
    for (let waiting = firstWaiting[above]!; waiting !== -1; waiting = nextWaiting[waiting]!) {
      const best = evaluate(waiting);
      dominator[waiting] = semi[best]! < semi[waiting]! ? best : above;
    }
    firstWaiting[above] = -1;
  }
  for (let index = 1; index < preOrder.length; index++) {
    const id = preOrder[index]!;
    if (dominator[id] !== preOrder[semi[id]!]) dominator[id] = dominator[dominator[id]!]!;
  }
  return dominator;
};

/** Orders the blocks and finds their dominators. */
export const orderBlocks = (graph: Graph): Order => {
  const successors = successorsOf(graph);
  const walked = walk(successors);
  const sequence = walked.postOrder.toReversed();
  const position = new Int32Array(graph.blocks.length);
  for (let index = 0; index < sequence.length; index++) position[sequence[index]!] = index;
  const predecessors = reversed(successors);
  return { sequence, position, predecessors, dominator: findDominators(walked, predecessors) };
};

/** Answers whether a block dominates another in constant time. */
export const dominanceOf = ({ sequence, dominator }: Order): ((above: number, below: number) => boolean) => {
  const children: number[][] = sequence.map(() => []);
  for (const id of sequence.slice(1)) children[dominator[id]!]!.push(id);
  const first = new Int32Array(sequence.length);
  const last = new Int32Array(sequence.length);
  let clock = 0;
  const path = [{ id: 0, next: 0 }];
  first[0] = clock++;
  while (path.length > 0) {
    const top = path.at(-1)!;
    const child = children[top.id]![top.next++];
    if (child === undefined) {
      last[top.id] = clock++;
      path.pop();
    } else {
      first[child] = clock++;
      path.push({ id: child, next: 0 });
    }
  }
  return (above, below) => first[above]! <= first[below]! && last[below]! <= last[above]!;
};
