import { compact } from "../cfg/compact.js";
import { type Block, type Graph, isComputedJump, withEdges } from "../cfg/graph.js";

/** Whether a block does nothing but go on. */
const isPassage = ({ steps, jump, selects, terminator }: Block): boolean =>
  steps.length === 0 && selects === undefined && terminator.kind === "goto" && !isComputedJump(jump);

/** Leads every edge through the blocks that do nothing, and takes those out. */
export const thread = ({ blocks }: Graph): Graph => {
  const end = (id: number): number => {
    const seen = new Set<number>();
    let at = id;
    for (let block = blocks[at]!; isPassage(block) && !seen.has(at); block = blocks[at]!) {
      seen.add(at);
      if (block.terminator.kind === "goto") at = block.terminator.edge.target;
    }
    return at;
  };
  return compact(blocks.map((block) => withEdges(block, (edge) => ({ ...edge, target: end(edge.target) })))).graph;
};
