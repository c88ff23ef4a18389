import { type Block, edgesOf, type Graph, withEdges } from "./graph.js";

/**
 * Takes out the blocks that nothing leads to.
 *
 * @returns the graph, and which block each of its blocks was
 */
export const compact = (blocks: readonly Block[]): { readonly graph: Graph; readonly kept: readonly number[] } => {
  const ids = new Map([[0, 0]]);
  // Blocks get their numbers in the order in which they are reached; the map is walked while it grows.
  for (const old of ids.keys()) {
    for (const { target } of edgesOf(blocks[old]!)) if (!ids.has(target)) ids.set(target, ids.size);
  }
  const kept = [...ids.keys()];
  const renumbered = kept.map((old) => withEdges(blocks[old]!, (edge) => ({ ...edge, target: ids.get(edge.target)! })));
  return { graph: { blocks: renumbered }, kept };
};
