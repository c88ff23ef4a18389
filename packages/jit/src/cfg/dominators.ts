import { edgesOf, type Graph } from "./graph.js";

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

const postOrder = (graph: Graph): number[] => {
  const seen = new Uint8Array(graph.blocks.length);
  const order: number[] = [];
  const stack: { readonly id: number; next: number }[] = [{ id: 0, next: 0 }];
  seen[0] = 1;
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const edge = edgesOf(graph.blocks[top.id]!)[top.next++];
    if (edge === undefined) {
      order.push(top.id);
      stack.pop();
    } else if (seen[edge.target] === 0) {
      seen[edge.target] = 1;
      stack.push({ id: edge.target, next: 0 });
    }
  }
  return order;
};

/** Orders the blocks and finds their dominators, by the iteration of Cooper, Harvey and Kennedy. */
export const orderBlocks = (graph: Graph): Order => {
  const sequence = postOrder(graph).reverse();
  const count = graph.blocks.length;
  const position = new Int32Array(count);
  sequence.forEach((id, index) => {
    position[id] = index;
  });
  const predecessors: number[][] = Array.from({ length: count }, () => []);
  graph.blocks.forEach((block, id) => {
    for (const { target } of edgesOf(block)) predecessors[target]!.push(id);
  });
  const dominator = new Int32Array(count).fill(-1);
  dominator[0] = 0;
  const common = (left: number, right: number): number => {
    let [a, b] = [left, right];
    while (a !== b) {
      if (position[a]! > position[b]!) a = dominator[a]!;
      else b = dominator[b]!;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of sequence.slice(1)) {
      const reached = predecessors[id]!.filter((from) => dominator[from] !== -1);
      const found = reached.reduce(common);
      if (dominator[id] === found) continue;
      dominator[id] = found;
      changed = true;
    }
  }
  return { sequence, position, predecessors, dominator };
};
