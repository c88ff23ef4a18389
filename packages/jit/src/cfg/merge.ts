import { compact } from "./compact.js";
import { type Block, edgesOf, type Graph, isComputedJump } from "./graph.js";

/** Joins each block with the one behind it where there is no other way from the first or to the second. */
export const mergeBlocks = ({ blocks }: Graph): Graph => {
  const arrivals = new Uint32Array(blocks.length);
  arrivals[0] = 1;
  for (const block of blocks) for (const { target } of edgesOf(block)) arrivals[target]!++;
  const next = (block: Block): number => {
    if (block.terminator.kind !== "goto" || isComputedJump(block.jump)) return -1;
    const { target } = block.terminator.edge;
    return arrivals[target] === 1 && blocks[target]!.selects === undefined ? target : -1;
  };
  const isJoined = new Uint8Array(blocks.length);
  blocks.forEach((block) => {
    const target = next(block);
    if (target !== -1) isJoined[target] = 1;
  });
  const merged = blocks.map((block, id): Block => {
    if (isJoined[id] === 1) return block;
    const parts = [block];
    for (let target = next(block); target !== -1; target = next(blocks[target]!)) parts.push(blocks[target]!);
    if (parts.length === 1) return block;
    const { jump, terminator } = parts.at(-1)!;
    const { selects, start } = block;
    const steps = parts.flatMap((part) => part.steps);
    return { start, steps, terminator, ...(jump && { jump }), ...(selects !== undefined && { selects }) };
  });
  return compact(merged).graph;
};
