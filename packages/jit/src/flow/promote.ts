import type { Instruction } from "@ebpf/asm";
import type { Block, Graph, Step } from "../cfg/graph.js";
import { operation } from "./operation.js";
import type { Knowledge } from "./ranges.js";
import type { Slot } from "./slots.js";

/** Slots that become registers at most; analyses take time and memory for each register of each block. */
const MAX_PROMOTED = 48;

/** What a load of so many bytes at the start of a slot does to the register that stands for it. */
const EXTENSIONS: Readonly<Record<number, { readonly zero: string; readonly sign: string }>> = {
  1: { zero: "and64_imm", sign: "movsx8_64" },
  2: { zero: "and64_imm", sign: "movsx16_64" },
  4: { zero: "mov32_reg", sign: "movsx32_64" },
  8: { zero: "mov64_reg", sign: "mov64_reg" },
};

const as = (step: Step, name: string, fields: Partial<Instruction>): Step => {
  const op = operation(name);
  return { ...step, slot: { ...step.slot, op, opcode: op.opcode, offset: 0, ...fields } };
};

/** The steps that do with a register what a load or store does with its slot. A register may hold more than the slot. */
const moved = (step: Step, register: number): readonly Step[] => {
  const { op, dst } = step.slot;
  if (op.family === "store") return [as(step, `mov64_${op.operand}`, { dst: register })];
  if (op.family !== "load") return [step];
  const name = EXTENSIONS[op.size]![op.signed ? "sign" : "zero"];
  if (name !== "and64_imm") return [as(step, name, { src: register })];
  return [
    as(step, "mov64_reg", { src: register }),
    as(step, name, { dst, src: 0, imm: op.size === 1 ? 0xff : 0xffff }),
  ];
};

/** The slots that a function uses most. */
const choose = ({ blocks }: Graph, slotOf: (step: Step) => Slot | undefined): ReadonlyMap<Slot, number> => {
  const uses = new Map<Slot, number>();
  for (const { steps } of blocks) {
    for (const step of steps) {
      const slot = slotOf(step);
      if (slot !== undefined) uses.set(slot, (uses.get(slot) ?? 0) + 1);
    }
  }
  return new Map([...uses].sort(([, a], [, b]) => b - a).slice(0, MAX_PROMOTED));
};

/**
 * Makes registers of the stack slots that only loads and stores touch: compilers put there what the ten registers of the
 * machine can't hold, and WebAssembly has as many locals as one likes.
 *
 * @param registers virtual registers of the graph
 */
export const promote = (
  graph: Graph,
  { start, registers }: { readonly start: number; readonly registers: number },
  { facts, slots }: Knowledge,
): { readonly graph: Graph; readonly registers: number } => {
  const ofFunction = slots.get(start);
  const slotOf = ({ pc }: Step): Slot | undefined => {
    const stack = facts[pc]?.stack;
    // The same offset in a caller's frame is another place.
    return stack?.owner === start ? ofFunction?.get(stack.from) : undefined;
  };
  const chosen = [...choose(graph, slotOf).keys()];
  if (chosen.length === 0) return { graph, registers };
  const registerOf = new Map(chosen.map((slot, index) => [slot, registers + index]));
  const rewrite = (step: Step): Step | readonly Step[] => {
    const slot = slotOf(step);
    const register = slot && registerOf.get(slot);
    return register === undefined ? step : moved(step, register);
  };
  const blocks = graph.blocks.map((block): Block => ({ ...block, steps: block.steps.flatMap(rewrite) }));
  return { graph: { blocks }, registers: registers + chosen.length };
};
