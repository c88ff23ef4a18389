import type { Comparison } from "@ebpf/asm";
import { compact } from "../cfg/compact.js";
import { type Block, type Edge, edgesOf, type Graph, type Step } from "../cfg/graph.js";
import { analyseDemand, type RegisterDemand, stepDemand } from "./demand.js";
import { DEMAND, isPure, writtenBy } from "./effects.js";
import { ANY_WORD, isWord, type Range } from "./range.js";
import { type Knowledge, type RegisterRanges, stepRanges } from "./ranges.js";

/** Comparisons that a tree has at least, values that a table has at most, and how many of those for each comparison. */
const MIN_COMPARISONS = 5;
const MAX_VALUES = 1024;
const MAX_VALUES_EACH = 64;
/** Steps before a comparison that each way below it repeats. */
const MAX_REPEATED = 4;
/** Comparisons of one tree, and evaluations of comparisons for one function: trees that come to nothing cost as well. */
const MAX_COMPARISONS = 1024;
const MAX_EVALUATIONS = 2 ** 20;
const HALF_WORD = 2 ** 31;

/** Of words: signed ones as numbers below 0. */
const HOLDS: Readonly<Record<Exclude<Comparison, "set">, (value: number, other: number) => boolean>> = {
  eq: (value, other) => value === other,
  ne: (value, other) => value !== other,
  gt: (value, other) => value > other,
  ge: (value, other) => value >= other,
  lt: (value, other) => value < other,
  le: (value, other) => value <= other,
  sgt: (value, other) => value > other,
  sge: (value, other) => value >= other,
  slt: (value, other) => value < other,
  sle: (value, other) => value <= other,
};

/** A comparison of a register with a constant, as one of its low word. */
interface Test {
  readonly register: number;
  readonly constant: number;
  readonly isSigned: boolean;
  readonly operator: keyof typeof HOLDS;
}

/** What a block decides by, where that is a comparison of words with a constant. `range` is the register's. */
const testOf = ({ jump, terminator }: Block, range: Range | undefined): Test | undefined => {
  const op = jump?.slot.op;
  if (jump === undefined || op?.family !== "jump" || op.operand !== "imm" || terminator.kind !== "branch") {
    return undefined;
  }
  const { operator, width } = op;
  if (operator === "always" || operator === "may_goto" || operator === "gotox" || operator === "set") return undefined;
  const { imm, dst } = jump.slot;
  // Zero-extended words compare as unsigned ones, and only with numbers that are words as well.
  if (width === 64 && !(range !== undefined && isWord(range) && imm >= 0)) return undefined;
  const isSigned = width === 32 && operator.startsWith("s");
  return { register: dst, constant: isSigned ? imm : imm >>> 0, isSigned, operator };
};

const holds = ({ operator, isSigned, constant }: Test, value: number): boolean =>
  HOLDS[operator](isSigned ? value | 0 : value, constant);

/** Values from `low` up to the next row's, and where they lead: an edge behind the steps on the way there. */
interface Row {
  readonly low: number;
  readonly path: readonly number[];
  readonly edge: Edge;
}

/** A tree of comparisons of one register, below the block `root`. */
class Tree {
  readonly tests = new Map<number, Test>();
  /** How often a comparison was evaluated. */
  evaluations = 0;
  readonly #blocks: readonly Block[];
  readonly #root: number;

  constructor(blocks: readonly Block[], root: number, first: Test, range: Range) {
    this.#blocks = blocks;
    this.#root = root;
    this.tests.set(root, first);
    // The map is walked while it grows.
    for (const id of this.tests.keys()) {
      if (this.tests.size >= MAX_COMPARISONS) break;
      for (const { target } of edgesOf(blocks[id]!)) {
        const test = testOf(blocks[target]!, range);
        if (test?.register === first.register && !this.tests.has(target)) this.tests.set(target, test);
      }
    }
  }

  /** Takes out what `isInner` denies, with everything below. */
  restrict(isInner: (id: number) => boolean): void {
    const reached = new Set([this.#root]);
    for (const id of reached) {
      for (const { target } of edgesOf(this.#blocks[id]!)) {
        if (this.tests.has(target) && target !== this.#root && isInner(target)) reached.add(target);
      }
    }
    for (const id of [...this.tests.keys()]) if (!reached.has(id)) this.tests.delete(id);
  }

  /** Where all values of a range lead, ascending. `wanted` shortens ways whose steps do nothing. */
  rows({ low, high }: Range, wanted: (path: readonly number[], edge: Edge) => readonly number[]): Row[] {
    const cuts = new Set([low]);
    for (const { constant, isSigned } of this.tests.values()) {
      for (const cut of [constant >>> 0, (constant >>> 0) + 1]) if (cut > low && cut <= high) cuts.add(cut);
      if (isSigned && HALF_WORD > low && HALF_WORD <= high) cuts.add(HALF_WORD);
    }
    const rows = [...cuts]
      .sort((a, b) => a - b)
      .map((cut): Row => {
        const { path, edge } = this.#follow(cut);
        return { low: cut, path: wanted(path, edge), edge };
      });
    return rows.filter((row, index) => index === 0 || !isSameWay(row, rows[index - 1]!));
  }

  #follow(value: number): Omit<Row, "low"> {
    const path: number[] = [];
    let id = this.#root;
    for (;;) {
      const block = this.#blocks[id]!;
      const [taken, next] = edgesOf(block);
      this.evaluations++;
      const edge = holds(this.tests.get(id)!, value) ? taken! : next!;
      if (edge.target === this.#root || !this.tests.has(edge.target)) return { path, edge };
      id = edge.target;
      if (this.#blocks[id]!.steps.length > 0) path.push(id);
    }
  }
}

const isSameWay = (a: Row, b: Row): boolean =>
  a.edge.target === b.edge.target && a.path.length === b.path.length && a.path.every((id, at) => id === b.path[at]);

/** Whether steps may be repeated behind comparisons of a register. */
const isMovable = (steps: readonly Step[], register: number): boolean =>
  steps.length <= MAX_REPEATED && steps.every((step) => isPure(step) && writtenBy(step) !== register);

/** The values that a table stands for: from the first row's own to the last one's, of which the rest is the default. */
const windowOf = (rows: readonly Row[]): { readonly low: number; readonly high: number } | undefined => {
  const [first, second] = rows;
  const last = rows.at(-1)!;
  if (first === undefined || second === undefined) return undefined;
  // What lies below the table has to lead where the default does, or to be part of it.
  const low = isSameWay(first, last) ? second.low : first.low;
  return { low, high: last.low };
};

/** Puts tables in place of the trees of one graph. */
class TableMaker {
  readonly blocks: Block[];
  readonly #ranges: readonly RegisterRanges[];
  readonly #knowledge: Knowledge;
  readonly #arrivals: Uint32Array;
  /** Comparisons that stand in some tree already. */
  readonly #taken = new Set<number>();
  readonly #graph: Graph;
  readonly #registers: number;
  #demand: readonly RegisterDemand[] | undefined;
  #evaluations = 0;

  constructor(graph: Graph, ranges: readonly RegisterRanges[], knowledge: Knowledge) {
    this.blocks = [...graph.blocks];
    this.#graph = graph;
    this.#registers = ranges[0]!.length;
    this.#ranges = ranges;
    this.#knowledge = knowledge;
    this.#arrivals = new Uint32Array(graph.blocks.length);
    this.#arrivals[0] = 1;
    for (const block of graph.blocks) for (const { target } of edgesOf(block)) this.#arrivals[target]!++;
  }

  /** Replaces the tree below a block, if there is one that is worth it. */
  visit(root: number): void {
    const block = this.blocks[root]!;
    const { jump } = block;
    if (this.#taken.has(root) || jump === undefined || block.terminator.kind !== "branch") return;
    if (this.#evaluations > MAX_EVALUATIONS) return;
    const ranges = this.#ranges[root]!.slice();
    for (const step of block.steps) stepRanges(step, ranges, this.#knowledge);
    const range = ranges[jump.slot.dst]!;
    const first = testOf(block, range);
    if (first === undefined) return;
    const tree = new Tree(this.blocks, root, first, range);
    this.#evaluations += tree.tests.size;
    tree.restrict(
      (id) => this.#arrivals[id] === 1 && !this.#taken.has(id) && isMovable(this.blocks[id]!.steps, first.register),
    );
    if (tree.tests.size < MIN_COMPARISONS) return;
    const rows = tree.rows(isWord(range) ? range : ANY_WORD, (path, edge) => this.#wanted(path, edge));
    this.#evaluations += tree.evaluations;
    const window = windowOf(rows);
    if (window === undefined) return;
    const values = window.high - window.low;
    if (values > Math.min(MAX_VALUES, MAX_VALUES_EACH * tree.tests.size)) return;
    for (const id of tree.tests.keys()) this.#taken.add(id);
    const edges = this.#edgesFor(rows, window);
    this.blocks[root] = {
      ...block,
      terminator: { kind: "switch", by: { register: first.register, low: window.low }, edges },
    };
  }

  /** The way before an edge, or none when nobody wants what its steps do. */
  #wanted(path: readonly number[], { target }: Edge): readonly number[] {
    if (path.length === 0) return path;
    const { host } = this.#knowledge;
    this.#demand ??= analyseDemand(this.#graph, this.#registers, host);
    const demand = this.#demand[target]!.slice();
    const steps = path.flatMap((id) => this.blocks[id]!.steps).reverse();
    return steps.some((step) => stepDemand(step, demand, host) !== DEMAND.none) ? path : [];
  }

  #edgesFor(rows: readonly Row[], { low, high }: { readonly low: number; readonly high: number }): Edge[] {
    const known: { readonly row: Row; readonly edge: Edge }[] = [];
    const edges: Edge[] = [];
    rows.forEach((row, index) => {
      const edge = known.find((other) => isSameWay(other.row, row))?.edge ?? this.#edgeFor(row);
      known.push({ row, edge });
      const end = rows[index + 1]?.low ?? high + 1;
      for (let value = Math.max(row.low, low); value < end; value++) edges.push(edge);
    });
    return edges;
  }

  /** The edge of a row, through a block with the steps that are on the way. */
  #edgeFor({ path, edge }: Row): Edge {
    if (path.length === 0) return edge;
    const steps = path.flatMap((id) => this.blocks[id]!.steps);
    const { start } = this.blocks[path[0]!]!;
    this.blocks.push({ start, steps, terminator: { kind: "goto", edge } });
    return { target: this.blocks.length - 1, cost: 0 };
  }
}

/**
 * Makes one jump through a table of a tree of comparisons of one register with constants, which is how compilers write
 * a `switch` for a machine without such jumps.
 *
 * @returns the same graph when there is no such tree
 */
export const makeTables = (graph: Graph, ranges: readonly RegisterRanges[], knowledge: Knowledge): Graph => {
  const maker = new TableMaker(graph, ranges, knowledge);
  for (const id of graph.blocks.keys()) maker.visit(id);
  const isSame = graph.blocks.every((block, id) => block === maker.blocks[id]);
  return isSame ? graph : compact(maker.blocks).graph;
};
