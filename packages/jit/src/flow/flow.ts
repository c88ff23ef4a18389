import { targetOf } from "@ebpf/asm";
import { edgesOf, type Graph, type Step } from "../cfg/graph.js";
import { mergeBlocks } from "../cfg/merge.js";
import { moveInBulk } from "./bulk.js";
import { analyseDemand, demandBehind, type RegisterDemand, stepDemand } from "./demand.js";
import { DEMAND, type Demand, writtenBy } from "./effects.js";
import { findIdioms } from "./idioms.js";
import type { Inlined } from "./inline.js";
import { promote } from "./promote.js";
import { prune } from "./prune.js";
import { ANY_WORD, exactly, isWord, type Range, UNKNOWN } from "./range.js";
import { analyseRanges, type Knowledge, type RegisterRanges, stepRanges } from "./ranges.js";
import { selectValues } from "./select.js";
import { makeTables } from "./tables.js";
import { thread } from "./thread.js";
import { unroll } from "./unroll.js";

/** How a register is held: in its i32 local, or in its i64 local. */
export type Form = "narrow" | "wide";

/**
 * A value is held narrow when its high word is 0, or when nobody reads its high word. Both hold on every path, so the
 * i64 local is only filled where a path comes in with a wide value.
 */
export const formOf = (range: Range, demand: Demand): Form =>
  isWord(range) || demand !== DEMAND.full ? "narrow" : "wide";

/** What was found out about a function, for writing its code. */
export interface Flow {
  readonly graph: Graph;
  /** Virtual registers. */
  readonly registers: number;
  readonly knowledge: Knowledge;
  /** At the start of each block. */
  readonly ranges: readonly RegisterRanges[];
  /** At the start of each block. */
  readonly demand: readonly RegisterDemand[];
  /** At the start of each block: 1 for a register that every way leaves wide or that one way does. */
  readonly wide: readonly Uint8Array[];
}

/** How much is wanted of what each step of a block writes. */
export const demandsOf = ({ graph, demand, registers, knowledge }: Flow, id: number): readonly Demand[] => {
  const block = graph.blocks[id]!;
  const current = demandBehind(block, demand, registers);
  if (block.jump !== undefined) stepDemand(block.jump, current, knowledge.host);
  const demands = new Array<Demand>(block.steps.length);
  for (let index = block.steps.length - 1; index >= 0; index--) {
    demands[index] = stepDemand(block.steps[index]!, current, knowledge.host);
  }
  return demands;
};

/** For each register that a block writes: 1 when it leaves it narrow, 2 when wide. */
const formsLeft = (flow: Omit<Flow, "wide">, id: number): Uint8Array => {
  const left = new Uint8Array(flow.registers);
  const ranges = flow.ranges[id]!.slice();
  const demands = demandsOf({ ...flow, wide: [] }, id);
  flow.graph.blocks[id]!.steps.forEach((step: Step, index) => {
    stepRanges(step, ranges, flow.knowledge);
    const written = writtenBy(step);
    if (written !== -1) left[written] = formOf(ranges[written]!, demands[index]!) === "narrow" ? 1 : 2;
  });
  return left;
};

/** Registers are narrow at the start of a block unless some way there leaves them wide. */
const analyseForms = (flow: Omit<Flow, "wide">, atEntry: Uint8Array): Uint8Array[] => {
  const { graph, registers } = flow;
  const left = graph.blocks.map((_, id) => formsLeft(flow, id));
  const wide = graph.blocks.map(() => new Uint8Array(registers));
  wide[0]!.set(atEntry);
  const pending = [...graph.blocks.keys()];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const { target } of edgesOf(graph.blocks[id]!)) {
      let changed = false;
      for (let register = 0; register < registers; register++) {
        const isWide = left[id]![register] === 2 || (left[id]![register] === 0 && wide[id]![register] === 1);
        if (!isWide || wide[target]![register] === 1) continue;
        wide[target]![register] = 1;
        changed = true;
      }
      if (changed) pending.push(target);
    }
  }
  return wide;
};

/** Whether the function only ever returns numbers of 32 bits that it has itself. */
export const returnsWord = ({ graph, ranges: atStart, knowledge }: Flow): boolean =>
  graph.blocks.every(({ steps }, id) => {
    const ranges = atStart[id]!.slice();
    return steps.every((step) => {
      const { op, imm } = step.slot;
      if (op.family === "exit") return isWord(ranges[step.base]!);
      stepRanges(step, ranges, knowledge);
      return op.family !== "call" || op.target !== "helper" || knowledge.host.helper(imm).kind !== "tail_call";
    });
  });

const PARAMETERS = [1, 2, 3, 4, 5];

/** What is known of the registers when the function at a slot is entered. All but parameters and r10 begin as 0. */
const entryRanges = (start: number, registers: number, { host }: Knowledge): RegisterRanges => {
  const ranges = new Array<Range>(registers).fill(exactly(0));
  for (const register of PARAMETERS) ranges[register] = UNKNOWN;
  ranges[10] = ANY_WORD;
  // The host enters the program with two words.
  const isCalled = host.spec.instructions.some((slot, pc) => slot.op.family !== "jump" && targetOf(slot, pc) === start);
  if (start === 0 && !isCalled) ranges[1] = ranges[2] = ANY_WORD;
  return ranges;
};

/** Loops in loops that are unrolled, from the inside. */
const UNROLLED_LEVELS = 3;

/** Changes the code of the function at a slot for the better, and finds out how its registers are best held. */
export const flowOf = ({ graph: original, registers: own }: Inlined, start: number, knowledge: Knowledge): Flow => {
  const promoted = promote(thread(original), { start, registers: own }, knowledge);
  const selected = selectValues(mergeBlocks(promoted.graph), promoted.registers, knowledge);
  let changed = selected.graph;
  let used = selected.registers;
  // Loops that copy or fill come first; what is left of them is not worth unrolling.
  for (let nested = 0; nested <= UNROLLED_LEVELS; nested++) {
    const before = mergeBlocks(changed);
    const pruned = prune(before, analyseRanges(before, entryRanges(start, used, knowledge), knowledge), knowledge);
    const bulk =
      nested === 0 ? moveInBulk(pruned.graph, pruned.ranges, used, knowledge) : { ...pruned, registers: used };
    used = bulk.registers;
    changed = bulk.graph === pruned.graph ? unroll(pruned.graph, pruned.ranges, knowledge) : bulk.graph;
    if (changed === pruned.graph) break;
  }
  const { graph: rewritten, registers } = findIdioms(mergeBlocks(changed), used);
  const entry = entryRanges(start, registers, knowledge);
  const analyse = (changed: Graph) => prune(changed, analyseRanges(changed, entry, knowledge), knowledge);
  const pruned = analyse(rewritten);
  const tabled = makeTables(pruned.graph, pruned.ranges, knowledge);
  const { graph, ranges } = tabled === pruned.graph ? pruned : analyse(tabled);
  const demand = analyseDemand(graph, registers, knowledge.host);
  const flow = { graph, registers, knowledge, ranges, demand };
  const atEntry = new Uint8Array(registers);
  for (const register of PARAMETERS) {
    if (formOf(entry[register]!, demand[0]![register]! as Demand) === "wide") atEntry[register] = 1;
  }
  return { ...flow, wide: analyseForms(flow, atEntry) };
};
