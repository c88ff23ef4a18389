import { edgesOf, type Graph, type Step } from "../cfg/graph.js";
import { analyseDemand, demandBehind, type RegisterDemand, stepDemand } from "./demand.js";
import { DEMAND, type Demand, writtenBy } from "./effects.js";
import { isWord, type Range } from "./range.js";
import { analyseRanges, type Knowledge, type RegisterRanges, stepRanges } from "./ranges.js";

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
  /** By block; `undefined` for blocks that no way leads to. */
  readonly ranges: readonly (RegisterRanges | undefined)[];
  /** At the start of each block. */
  readonly demand: readonly RegisterDemand[];
  /** At the start of each block: 1 for a register that every way leaves wide or that one way does. */
  readonly wide: readonly Uint8Array[];
}

/** What holds around each step of a block while it is written. */
export interface StepFlow {
  /** How much is wanted of what the step writes. */
  readonly demand: Demand;
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
  const ranges = flow.ranges[id]?.slice();
  if (ranges === undefined) return left;
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
    if (flow.ranges[id] === undefined) continue;
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

/**
 * Finds out how the registers of a function are best held.
 *
 * @param entry what is known of the registers when the function is entered
 * @param parameters registers that arrive wide
 */
export const analyseFlow = (
  graph: Graph,
  entry: RegisterRanges,
  parameters: readonly number[],
  knowledge: Knowledge,
): Flow => {
  const registers = entry.length;
  const ranges = analyseRanges(graph, entry, knowledge);
  const demand = analyseDemand(graph, registers, knowledge.host);
  const flow = { graph, registers, knowledge, ranges, demand };
  const atEntry = new Uint8Array(registers);
  for (const register of parameters) {
    if (formOf(entry[register]!, demand[0]![register]! as Demand) === "wide") atEntry[register] = 1;
  }
  return { ...flow, wide: analyseForms(flow, atEntry) };
};
