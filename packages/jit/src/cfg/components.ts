import { type Block, edgesOf } from "./graph.js";

/**
 * The strongly connected components of the blocks in `region` that contain a cycle, by Tarjan's algorithm with a stack
 * of its own.
 */
export const cyclicComponents = (blocks: readonly Block[], region: ReadonlySet<number>): number[][] => {
  const number = new Int32Array(blocks.length).fill(-1);
  const low = new Int32Array(blocks.length);
  const isOpen = new Uint8Array(blocks.length);
  const open: number[] = [];
  const path: { readonly id: number; readonly targets: readonly number[]; next: number }[] = [];
  const found: number[][] = [];
  let clock = 0;
  const enter = (id: number): void => {
    number[id] = clock;
    low[id] = clock++;
    isOpen[id] = 1;
    open.push(id);
    const targets = edgesOf(blocks[id]!).map(({ target }) => target);
    path.push({ id, targets: targets.filter((target) => region.has(target)), next: 0 });
  };
  const leave = ({ id, targets }: (typeof path)[number]): void => {
    const outer = path.at(-1);
    if (outer !== undefined) low[outer.id] = Math.min(low[outer.id]!, low[id]!);
    if (low[id] !== number[id]) return;
    const component = open.splice(open.lastIndexOf(id));
    for (const member of component) isOpen[member] = 0;
    if (component.length > 1 || targets.includes(id)) found.push(component);
  };
  for (const root of region) {
    if (number[root] !== -1) continue;
    enter(root);
    while (path.length > 0) {
      const top = path.at(-1)!;
      const target = top.targets[top.next++];
      if (target === undefined) leave(path.pop()!);
      else if (number[target] === -1) enter(target);
      else if (isOpen[target] === 1) low[top.id] = Math.min(low[top.id]!, number[target]!);
    }
  }
  return found;
};
