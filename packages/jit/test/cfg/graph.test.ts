import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm } from "../../../runtime/test/support/program.js";
import { orderBlocks } from "../../src/cfg/dominators.js";
import { type Block, edgesOf, type Graph, Grapher } from "../../src/cfg/graph.js";
import { makeReducible } from "../../src/cfg/reduce.js";

/** A graph from the successors of each block; blocks that nothing leads to are left out. */
const graphOf = (successors: readonly (readonly number[])[]): Graph => {
  const ids = new Map([[0, 0]]);
  const order = [0];
  for (let i = 0; i < order.length; i++) {
    for (const next of successors[order[i]!]!) {
      if (ids.has(next)) continue;
      ids.set(next, ids.size);
      order.push(next);
    }
  }
  const blocks = order.map((old, id): Block => {
    const edges = successors[old]!.map((next) => ({ target: ids.get(next)!, cost: 0 }));
    const [first, second] = edges;
    if (first === undefined) return { start: id, steps: [], terminator: { kind: "leave" } };
    if (second === undefined) return { start: id, steps: [], terminator: { kind: "goto", edge: first } };
    return { start: id, steps: [], terminator: { kind: "branch", taken: first, next: second } };
  });
  return { blocks };
};

const arbitraryGraph = fc
  .integer({ min: 1, max: 12 })
  .chain((count) =>
    fc.array(fc.array(fc.nat({ max: count - 1 }), { maxLength: 2 }), { minLength: count, maxLength: count }),
  )
  .map(graphOf);

const successorsOf = ({ blocks }: Graph, id: number) => edgesOf(blocks[id]!).map(({ target }) => target);

/** What can be reached from the entry without going through `removed`. */
const reachable = (graph: Graph, removed: number): Set<number> => {
  const seen = new Set<number>();
  const visit = (id: number): void => {
    if (id === removed || seen.has(id)) return;
    seen.add(id);
    for (const next of successorsOf(graph, id)) visit(next);
  };
  visit(0);
  return seen;
};

const dominates = (graph: Graph, a: number, b: number): boolean => a === b || !reachable(graph, a).has(b);

/** Every edge that does not go forward leads to a block that dominates its source. */
const isReducible = (graph: Graph): boolean => {
  const { position } = orderBlocks(graph);
  return graph.blocks.every((_, id) =>
    successorsOf(graph, id).every((next) => position[next]! > position[id]! || dominates(graph, next, id)),
  );
};

describe("orderBlocks", () => {
  it("finds the dominators that their definition gives", () => {
    fc.assert(
      fc.property(arbitraryGraph, (graph) => {
        const { dominator } = orderBlocks(graph);
        graph.blocks.forEach((_, id) => {
          if (id === 0) return;
          const strict = graph.blocks
            .map((_, other) => other)
            .filter((other) => other !== id && dominates(graph, other, id));
          // The immediate dominator is the one that all others dominate.
          const immediate = strict.find((one) => strict.every((other) => dominates(graph, other, one)));
          expect(dominator[id]).toBe(immediate);
        });
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe("makeReducible", () => {
  it("leaves a reducible graph as it is", () => {
    const loops = graphOf([[1], [2, 3], [1], [3, 4], []]);
    expect(makeReducible(loops).blocks).toHaveLength(loops.blocks.length);
  });

  it("gives the loop with two ways in a dispatcher", () => {
    const graph = makeReducible(graphOf([[1, 2], [2], [1, 3], []]));
    expect(graph.blocks.filter(({ terminator }) => terminator.kind === "switch")).toHaveLength(1);
    expect(isReducible(graph)).toBe(true);
  });

  it("makes every graph reducible, and keeps its paths", () => {
    fc.assert(
      fc.property(arbitraryGraph, (graph) => {
        const count = graph.blocks.length;
        const before = graph.blocks.map((_, id) => successorsOf(graph, id));
        const reduced = makeReducible(graph);
        expect(isReducible(reduced)).toBe(true);
        // Where an edge goes once selectors and dispatchers are passed.
        const resolve = (id: number, selector = -1): number => {
          const block = reduced.blocks[id]!;
          if (id < count) return id;
          const chosen = block.selects ?? selector;
          const edges = edgesOf(block);
          return resolve((block.terminator.kind === "switch" ? edges[chosen]! : edges[0]!).target, chosen);
        };
        const after = before.map((_, id) => successorsOf(reduced, id).map((next) => resolve(next)));
        expect(after).toEqual(before);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe("Grapher", () => {
  it("splits at jumps and their targets, per function", () => {
    const grapher = new Grapher(
      asm("mov %r0, 0\nl: add %r0, 1\njne %r0, 5, l\ncall local f\nexit\nf: mov %r0, 1\nexit"),
    );
    const slotsOf = ({ steps, jump }: Block) => [...steps, ...(jump ? [jump] : [])].map(({ pc }) => pc);
    expect(grapher.graph(0).blocks.map(slotsOf)).toEqual([[0], [1, 2], [3, 4]]);
    expect(grapher.graph(5).blocks.map(slotsOf)).toEqual([[5, 6]]);
  });
});
