import { type Block, edgesOf, type Graph, type Step } from "../cfg/graph.js";
import { DEMAND, readBy, writtenBy } from "./effects.js";
import { type Knowledge, type RegisterRanges, rangesOnEdges, stepRanges } from "./ranges.js";

/** Rounds of a loop that are counted at most, and steps that a loop may grow to. */
const MAX_ROUNDS = 4096;
const MAX_STEPS = 96;

/** The steps of a loop that decide how often it runs. */
const decidingSteps = ({ steps, jump }: Block, { host }: Knowledge): readonly Step[] => {
  const wanted = new Set<number>();
  const want = (register: number): void => {
    wanted.add(register);
  };
  readBy(jump!, host, DEMAND.none, want);
  // What a step reads may be written further down, in the round before: again until nothing is added.
  for (let before = -1; before !== wanted.size; ) {
    before = wanted.size;
    for (const step of steps) if (wanted.has(writtenBy(step))) readBy(step, host, DEMAND.full, want);
  }
  return steps.filter((step) => wanted.has(writtenBy(step)));
};

/** How often the loop runs when it is entered with these ranges; `undefined` when that isn't one number. */
const roundsOf = (block: Block, id: number, entry: RegisterRanges, knowledge: Knowledge): number | undefined => {
  const steps = decidingSteps(block, knowledge);
  if (steps.some(({ slot }) => slot.op.family !== "alu")) return undefined;
  const counting = { ...block, steps };
  const again = edgesOf(block).findIndex(({ target }) => target === id);
  let ranges = entry.slice();
  for (let rounds = 1; rounds <= MAX_ROUNDS; rounds++) {
    for (const step of steps) stepRanges(step, ranges, knowledge);
    const onEdges = rangesOnEdges(counting, ranges, knowledge);
    const back = onEdges[again];
    if (back === undefined) return rounds;
    if (onEdges[1 - again] !== undefined) return undefined;
    ranges = back;
  }
  return undefined;
};

/** The largest number of copies that goes into the rounds without rest. */
const copiesFor = (rounds: number, steps: number): number => {
  let copies = Math.min(rounds, Math.floor(MAX_STEPS / Math.max(steps, 1)));
  while (copies > 1 && rounds % copies !== 0) copies--;
  return copies;
};

/** The blocks that lead to each block, each once. */
export const sourcesOf = ({ blocks }: Graph): readonly ReadonlySet<number>[] => {
  const sources = blocks.map(() => new Set<number>());
  blocks.forEach((block, from) => {
    for (const { target } of edgesOf(block)) sources[target]!.add(from);
  });
  return sources;
};

/** What is known where a loop of one block is entered; `undefined` when that isn't at the end of one way from outside. */
export const entryOf = (
  { blocks }: Graph,
  { id, sources }: { readonly id: number; readonly sources: ReadonlySet<number> },
  ranges: readonly RegisterRanges[],
  knowledge: Knowledge,
): RegisterRanges | undefined => {
  const [from, other] = [...sources].filter((source) => source !== id);
  if (from === undefined || other !== undefined) return undefined;
  const block = blocks[from]!;
  const current = ranges[from]!.slice();
  for (const step of block.steps) stepRanges(step, current, knowledge);
  const onEdges = rangesOnEdges(block, current, knowledge);
  const arriving = edgesOf(block).flatMap(({ target }, index) => (target === id ? [onEdges[index]] : []));
  return arriving.length === 1 ? arriving[0] : undefined;
};

/**
 * Writes the body of a loop of one block several times where it is known how often it runs, with the test for its end
 * only behind the last copy.
 *
 * @returns the same graph when there is no such loop
 */
export const unroll = (graph: Graph, ranges: readonly RegisterRanges[], knowledge: Knowledge): Graph => {
  const sources = sourcesOf(graph);
  const blocks = graph.blocks.map((block, id): Block => {
    const { terminator, steps } = block;
    if (terminator.kind !== "branch" || block.jump === undefined || steps.length > MAX_STEPS / 2) return block;
    const isLoop = terminator.taken.target === id || terminator.next.target === id;
    const entry = isLoop ? entryOf(graph, { id, sources: sources[id]! }, ranges, knowledge) : undefined;
    const rounds = entry && roundsOf(block, id, entry, knowledge);
    if (rounds === undefined) return block;
    const copies = copiesFor(rounds, steps.length);
    if (copies === 1) return block;
    return { ...block, steps: Array.from({ length: copies }, () => steps).flat() };
  });
  return blocks.every((block, id) => block === graph.blocks[id]) ? graph : { blocks };
};
