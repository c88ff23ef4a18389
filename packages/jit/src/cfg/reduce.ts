import { cyclicComponents } from "./components.js";
import { dominanceOf, type Order, orderBlocks } from "./dominators.js";
import { type Block, type Edge, edgesOf, type Graph, withEdges } from "./graph.js";

/** Nested loops that are looked at one by one; what is nested deeper is dispatched as a whole. */
const LEVELS = 16;

/**
 * Makes a graph reducible: every loop gets a single way in. Where a loop has several, all ways to its heads are led
 * through one new block that jumps by a selector. Compilers make no such loops; hand-written and computed jumps do.
 *
 * It goes from the outer loops to the inner ones: a loop without its head falls apart into the loops in it.
 *
 * @returns the same graph when it was reducible
 */
export const makeReducible = (graph: Graph, order: Order = orderBlocks(graph)): Graph => {
  if (isReducible(graph, order)) return graph;
  const blocks = [...graph.blocks];
  let region = new Set(blocks.keys());
  for (let level = 0; region.size > 0; level++) {
    const components = cyclicComponents(blocks, region);
    const heads = level < LEVELS ? headsOf(blocks, components) : components;
    addDispatchers(
      blocks,
      heads.filter(({ length }) => length > 1),
    );
    region = new Set(components.flat());
    for (const ofLoop of heads) if (ofLoop.length === 1) region.delete(ofLoop[0]!);
  }
  return { blocks };
};

/** Whether every edge that goes back leads to a block that dominates its source. */
const isReducible = (graph: Graph, order: Order): boolean => {
  const { position, predecessors } = order;
  const { first, blocks: sources } = predecessors;
  const back: { readonly target: number; readonly id: number }[] = [];
  for (let target = 0; target < graph.blocks.length; target++) {
    for (let at = first[target]!; at < first[target + 1]!; at++) {
      const id = sources[at]!;
      if (position[target]! <= position[id]!) back.push({ target, id });
    }
  }
  if (back.length === 0) return true;
  const dominates = dominanceOf(order);
  return back.every(({ target, id }) => dominates(target, id));
};

/** For each component its blocks that are entered from outside of it. */
const headsOf = (blocks: readonly Block[], components: readonly (readonly number[])[]): number[][] => {
  const component = new Int32Array(blocks.length).fill(-1);
  components.forEach((members, index) => {
    for (const id of members) component[id] = index;
  });
  const heads = components.map(() => new Set<number>());
  if (component[0] !== -1) heads[component[0]!]!.add(0);
  blocks.forEach((block, id) => {
    for (const { target } of edgesOf(block)) {
      const index = component[target]!;
      if (index !== -1 && index !== component[id]) heads[index]!.add(target);
    }
  });
  return heads.map((set) => [...set]);
};

/** For each of the loops, leads every way to its heads through a new block. */
const addDispatchers = (blocks: Block[], loops: readonly (readonly number[])[]): void => {
  const before = [...blocks];
  const routes = new Map<number, { readonly dispatcher: number; readonly selects: number }>();
  for (const heads of loops) {
    for (const [selects, id] of heads.entries()) routes.set(id, { dispatcher: blocks.length, selects });
    const edges = heads.map((target) => ({ target, cost: 0 }));
    blocks.push({ start: 0, steps: [], terminator: { kind: "switch", by: "selector", edges } });
  }
  before.forEach((block, id) => {
    blocks[id] = withEdges(block, (edge): Edge => {
      const route = routes.get(edge.target);
      if (route === undefined) return edge;
      const { selects, dispatcher } = route;
      blocks.push({
        start: 0,
        steps: [],
        selects,
        terminator: { kind: "goto", edge: { target: dispatcher, cost: 0 } },
      });
      return { ...edge, target: blocks.length - 1 };
    });
  });
};
