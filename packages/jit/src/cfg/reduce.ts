import { type Block, type Edge, edgesOf, type Graph } from "./graph.js";

/**
 * Makes a graph reducible: every loop gets a single way in. Where a loop has several, all ways to its heads are led
 * through one new block that jumps by a selector. Compilers make no such loops; hand-written and computed jumps do.
 *
 * @returns the same graph when it was reducible
 */
export const makeReducible = (graph: Graph): Graph => {
  const blocks = [...graph.blocks];
  const pending: { readonly region: readonly number[]; readonly entry: number }[] = [
    { region: blocks.map((_, id) => id), entry: 0 },
  ];
  while (pending.length > 0) {
    const { region, entry } = pending.pop()!;
    for (const component of cycles(blocks, region)) {
      const inside = new Set(component);
      const heads = headsOf(blocks, inside, entry);
      const head = heads.length === 1 ? heads[0]! : addDispatcher(blocks, heads, inside);
      // Without its head a loop falls apart into the loops that it contains.
      inside.delete(head);
      pending.push({ region: [...inside], entry: -1 });
    }
  }
  return { blocks };
};

/** Blocks of a cycle that are entered from outside of it. */
const headsOf = (blocks: readonly Block[], inside: ReadonlySet<number>, entry: number): number[] => {
  const heads = new Set<number>();
  if (inside.has(entry)) heads.add(entry);
  blocks.forEach((block, id) => {
    if (inside.has(id)) return;
    for (const { target } of edgesOf(block)) if (inside.has(target)) heads.add(target);
  });
  return [...heads].sort((a, b) => a - b);
};

/** Leads every way to `heads` through a new block, and returns it. New blocks join the cycle they stand in. */
const addDispatcher = (blocks: Block[], heads: readonly number[], inside: Set<number>): number => {
  const dispatcher = blocks.length;
  const edges: Edge[] = heads.map((target) => ({ target, cost: 0 }));
  const before = blocks.slice();
  blocks.push({ start: 0, end: 0, terminator: { kind: "switch", edges } });
  before.forEach((block, id) => {
    for (const edge of edgesOf(block)) {
      const selects = heads.indexOf(edge.target);
      if (selects < 0) continue;
      edge.target = blocks.length;
      if (inside.has(id)) inside.add(blocks.length);
      blocks.push({ start: 0, end: 0, selects, terminator: { kind: "goto", edge: { target: dispatcher, cost: 0 } } });
    }
  });
  return dispatcher;
};

/** The strongly connected components of a region that contain a cycle (Tarjan's algorithm with an explicit stack). */
const cycles = (blocks: readonly Block[], region: readonly number[]): number[][] => {
  const inRegion = new Set(region);
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const open: number[] = [];
  const isOpen = new Set<number>();
  const found: number[][] = [];
  const lower = (id: number, value: number): void => {
    if (value < low.get(id)!) low.set(id, value);
  };
  const visit = (id: number): void => {
    index.set(id, index.size);
    low.set(id, index.get(id)!);
    open.push(id);
    isOpen.add(id);
  };
  const close = (id: number): void => {
    if (low.get(id) !== index.get(id)) return;
    const component = open.splice(open.lastIndexOf(id));
    for (const member of component) isOpen.delete(member);
    const loopsToItself = edgesOf(blocks[id]!).some(({ target }) => target === id);
    if (component.length > 1 || loopsToItself) found.push(component);
  };
  for (const root of region) {
    if (index.has(root)) continue;
    visit(root);
    const path = [{ id: root, next: 0 }];
    while (path.length > 0) {
      const top = path.at(-1)!;
      const edge = edgesOf(blocks[top.id]!)[top.next++];
      if (edge === undefined) {
        path.pop();
        close(top.id);
        if (path.length > 0) lower(path.at(-1)!.id, low.get(top.id)!);
      } else if (inRegion.has(edge.target)) {
        if (!index.has(edge.target)) {
          visit(edge.target);
          path.push({ id: edge.target, next: 0 });
        } else if (isOpen.has(edge.target)) lower(top.id, index.get(edge.target)!);
      }
    }
  }
  return found;
};
