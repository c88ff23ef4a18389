import { type Edge, edgesOf, type Graph } from "./graph.js";

/** Blocks in reverse post-order with their immediate dominators. */
export interface Order {
  /** Block ids; the entry is first. */
  readonly sequence: readonly number[];
  /** Position of each block in `sequence`. */
  readonly position: Int32Array;
  /** Predecessors of each block. */
  readonly predecessors: readonly (readonly number[])[];
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

const walk = (edges: readonly (readonly Edge[])[]): Walk => {
  const count = edges.length;
  const number = new Int32Array(count).fill(-1);
  const parent = new Int32Array(count);
  const preOrder: number[] = [];
  const postOrder: number[] = [];
  /** The blocks between the entry and here, and how many edges of each were followed. */
  const path: number[] = [];
  const followed = new Uint32Array(count);
  const enter = (id: number, from: number): void => {
    number[id] = preOrder.length;
    parent[id] = from;
    preOrder.push(id);
    path.push(id);
  };
  enter(0, 0);
  while (path.length > 0) {
    const id = path.at(-1)!;
    const edge = edges[id]![followed[id]!++];
    if (edge === undefined) {
      postOrder.push(id);
      path.pop();
    } else if (number[edge.target] === -1) enter(edge.target, id);
  }
  return { preOrder, postOrder, number, parent };
};

/**
 * Immediate dominators by Lengauer and Tarjan's algorithm ("A fast algorithm for finding dominators in a flowgraph",
 * 1979) in its simple form: the time is nearly linear whatever the graph looks like.
 */
const findDominators = (
  { preOrder, number, parent }: Walk,
  predecessors: readonly (readonly number[])[],
): Int32Array => {
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
    for (const from of predecessors[id]!) semi[id] = Math.min(semi[id]!, semi[evaluate(from)]!);
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
  for (const id of preOrder.slice(1)) {
    if (dominator[id] !== preOrder[semi[id]!]) dominator[id] = dominator[dominator[id]!]!;
  }
  return dominator;
};

/** Orders the blocks and finds their dominators. */
export const orderBlocks = (graph: Graph): Order => {
  const edges = graph.blocks.map(edgesOf);
  const walked = walk(edges);
  const sequence = [...walked.postOrder].reverse();
  const position = new Int32Array(graph.blocks.length);
  sequence.forEach((id, index) => {
    position[id] = index;
  });
  const predecessors: number[][] = graph.blocks.map(() => []);
  edges.forEach((ways, id) => {
    for (const { target } of ways) predecessors[target]!.push(id);
  });
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
