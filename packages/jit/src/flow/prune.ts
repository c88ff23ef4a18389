import { compact } from "../cfg/compact.js";
import { type Block, type Graph, withEdges } from "../cfg/graph.js";
import { type Knowledge, type RegisterRanges, rangesOnEdges, stepRanges } from "./ranges.js";

/** The block without the ways that are never taken. */
const feasible = (block: Block, entry: RegisterRanges | undefined, knowledge: Knowledge): Block => {
  const { terminator, jump, ...rest } = block;
  if (terminator.kind !== "branch" || entry === undefined) return block;
  const ranges = entry.slice();
  for (const step of block.steps) stepRanges(step, ranges, knowledge);
  const [taken, next] = rangesOnEdges(block, ranges, knowledge);
  if (taken !== undefined && next !== undefined) return block;
  if (taken === undefined && next === undefined) return { ...rest, terminator: { kind: "leave" } };
  return { ...rest, terminator: { kind: "goto", edge: taken === undefined ? terminator.next : terminator.taken } };
};

/** Takes out the branches that are never taken, and the blocks that only they lead to. Edges cost nothing any more. */
export const prune = (
  { blocks }: Graph,
  ranges: readonly (RegisterRanges | undefined)[],
  knowledge: Knowledge,
): { readonly graph: Graph; readonly ranges: readonly RegisterRanges[] } => {
  const possible = blocks.map((block, id) =>
    withEdges(feasible(block, ranges[id], knowledge), ({ target }) => ({ target, cost: 0 })),
  );
  const { graph, kept } = compact(possible);
  return { graph, ranges: kept.map((old) => ranges[old]!) };
};
