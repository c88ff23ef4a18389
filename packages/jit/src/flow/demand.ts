import type { ProgramHost } from "@ebpf/runtime";
import { orderBlocks } from "../cfg/dominators.js";
import { type Block, edgesOf, type Graph, type Step } from "../cfg/graph.js";
import { DEMAND, type Demand, isPure, readBy, writtenBy } from "./effects.js";

/** How much of each virtual register is wanted. */
export type RegisterDemand = Uint8Array;

/**
 * Carries what is wanted behind a step to before it.
 *
 * @returns how much is wanted of what the step writes
 */
export const stepDemand = (step: Step, demand: RegisterDemand, host: ProgramHost): Demand => {
  const written = writtenBy(step);
  const wanted = (written === -1 ? DEMAND.none : demand[written]!) as Demand;
  if (wanted === DEMAND.none && isPure(step)) return wanted;
  // Nobody reads r1..r5 behind a call.
  if (step.slot.op.family === "call") demand.fill(DEMAND.none, step.base + 1, step.base + 6);
  if (written !== -1) demand[written] = DEMAND.none;
  readBy(step, host, wanted, (register, much) => {
    if (much > demand[register]!) demand[register] = much;
  });
  return wanted;
};

const demandBefore = (block: Block, behind: RegisterDemand, host: ProgramHost): RegisterDemand => {
  const demand = behind.slice();
  if (block.jump !== undefined) stepDemand(block.jump, demand, host);
  for (let index = block.steps.length - 1; index >= 0; index--) stepDemand(block.steps[index]!, demand, host);
  return demand;
};

/** What is wanted at the start of each block. */
export const analyseDemand = (graph: Graph, registers: number, host: ProgramHost): readonly RegisterDemand[] => {
  const { blocks } = graph;
  const entries = blocks.map(() => new Uint8Array(registers));
  const backwards = [...orderBlocks(graph).sequence].reverse();
  for (let again = true; again; ) {
    again = false;
    for (const id of backwards) {
      const before = demandBefore(blocks[id]!, demandBehind(blocks[id]!, entries, registers), host);
      if (before.every((much, register) => much === entries[id]![register])) continue;
      entries[id]!.set(before);
      again = true;
    }
  }
  return entries;
};

/** What the blocks behind a block want together. */
export const demandBehind = (block: Block, entries: readonly RegisterDemand[], registers: number): RegisterDemand => {
  const demand = new Uint8Array(registers);
  for (const { target } of edgesOf(block)) {
    entries[target]!.forEach((much, register) => {
      if (much > demand[register]!) demand[register] = much;
    });
  }
  return demand;
};
