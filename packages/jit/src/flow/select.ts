import type { Instruction } from "@ebpf/asm";
import { compact } from "../cfg/compact.js";
import { type Block, type Edge, edgesOf, type Graph, isComputedJump, type Step } from "../cfg/graph.js";
import { operation } from "./operation.js";
import type { Knowledge } from "./ranges.js";

/** Steps on one side of a branch at most: what is computed in vain must be less than what a wrong guess costs. */
const MAX_ARM = 3;
/** How deep branches may stand in one another. */
const LEVELS = 3;

/** Operators that take too long to be carried out in vain. */
const SLOW: ReadonlySet<string> = new Set(["div", "sdiv", "mod", "smod"]);

const isCheap = ({ slot: { op } }: Step): boolean =>
  (op.family === "alu" && !SLOW.has(op.operator)) || (op.family === "lddw" && op.meaning === "value");

/** One side of a branch: its steps, and where it goes on. A side without a block of its own has no steps. */
interface Arm {
  readonly steps: readonly Step[];
  readonly to: number;
}

/** How a block ends. */
type Ending = { readonly jump: Step | undefined; readonly terminator: Block["terminator"] };

/** Makes the sides of branches into straight code, with as many more registers as one branch needs. */
class Selector {
  readonly blocks: Block[];
  /** Virtual registers of the graph with the temporary ones. */
  registers: number;
  readonly #first: number;
  readonly #knowledge: Knowledge;
  readonly #arrivals: Uint32Array;

  constructor({ blocks }: Graph, registers: number, knowledge: Knowledge) {
    this.blocks = [...blocks];
    this.registers = registers;
    this.#first = registers;
    this.#knowledge = knowledge;
    this.#arrivals = new Uint32Array(blocks.length);
    this.#arrivals[0] = 1;
    for (const block of blocks) for (const { target } of edgesOf(block)) this.#arrivals[target]!++;
  }

  /**
   * Straightens a block for as long as it ends in such a branch.
   *
   * @returns whether it did
   */
  visit(id: number): boolean {
    if (this.#arrivals[id] === 0) return false;
    let { jump, terminator, ...rest } = this.blocks[id]!;
    const steps = [...rest.steps];
    let changed = false;
    for (;;) {
      const meeting = this.#straighten(id, { jump, terminator }, steps);
      if (meeting === undefined) break;
      changed = true;
      jump = undefined;
      terminator = { kind: "goto", edge: { target: meeting, cost: 0 } };
      const behind = this.blocks[meeting]!;
      if (this.#arrivals[meeting] !== 1 || behind.selects !== undefined) break;
      this.#arrivals[meeting] = 0;
      for (const step of behind.steps) steps.push(step);
      ({ jump, terminator } = behind);
    }
    if (changed) this.blocks[id] = { ...rest, steps, terminator, ...(jump && { jump }) };
    return changed;
  }

  /**
   * Appends what a branch chooses to the steps before it.
   *
   * @returns where its sides meet; `undefined`, and nothing appended, for another kind of branch
   */
  #straighten(id: number, { jump, terminator }: Ending, steps: Step[]): number | undefined {
    if (jump === undefined || terminator.kind !== "branch" || !this.#isOpen(jump)) return undefined;
    const { taken, next } = terminator;
    if (taken.target === next.target) return undefined;
    const arms = this.#arms(id, taken, next);
    if (arms === undefined) return undefined;
    this.#choose(jump, arms, steps);
    const [{ to }] = arms;
    for (const { target } of [taken, next]) if (target !== to) this.#arrivals[target] = 0;
    // Of the two ways to where the sides meet, one is left.
    this.#arrivals[to]!--;
    return to;
  }

  /** Whether a jump only compares, and goes either way for all that is known. */
  #isOpen({ slot: { op }, pc }: Step): boolean {
    if (op.family !== "jump" || op.operator === "may_goto" || op.operator === "gotox") return false;
    const known = this.#knowledge.facts[pc]?.outcomes;
    return known === undefined || known === "both";
  }

  #arms(id: number, taken: Edge, next: Edge): readonly [Arm, Arm] | undefined {
    const left = this.#arm(taken);
    const right = this.#arm(next);
    const empty = (edge: Edge): Arm => ({ steps: [], to: edge.target });
    if (left?.to === next.target && next.target !== id) return [left, empty(next)];
    if (right?.to === taken.target && taken.target !== id) return [empty(taken), right];
    return left !== undefined && right !== undefined && left.to === right.to && left.to !== id
      ? [left, right]
      : undefined;
  }

  /** The block behind an edge where only that edge leads to it and it is short, and goes on in one way. */
  #arm({ target }: Edge): Arm | undefined {
    const { steps, jump, selects, terminator } = this.blocks[target]!;
    if (this.#arrivals[target] !== 1 || terminator.kind !== "goto" || selects !== undefined) return undefined;
    if (isComputedJump(jump) || steps.length > MAX_ARM || !steps.every(isCheap)) return undefined;
    return { steps, to: terminator.edge.target };
  }

  /** Computes both sides in temporary registers, and then chooses for each register that one of them writes. */
  #choose(jump: Step, [taken, other]: readonly [Arm, Arm], steps: Step[]): void {
    let free = this.#first;
    const copyOf = (register: number): number => {
      steps.push({ pc: jump.pc, base: jump.base, slot: copy(free, register) });
      return free++;
    };
    const compute = (arm: Arm): ReadonlyMap<number, number> => {
      const names = new Map<number, number>();
      const nameOf = (register: number): number => names.get(register) ?? register;
      for (const step of arm.steps) {
        const { slot, unless } = step;
        const src = nameOf(slot.src);
        const choice = unless && {
          jump: { ...unless.jump, dst: nameOf(unless.jump.dst), src: nameOf(unless.jump.src) },
          src: nameOf(unless.src),
        };
        if (!names.has(slot.dst)) names.set(slot.dst, replaces(step) ? free++ : copyOf(slot.dst));
        steps.push({ ...step, slot: { ...slot, src, dst: nameOf(slot.dst) }, ...(choice && { unless: choice }) });
      }
      return names;
    };
    const [ifTaken, ifNot] = [compute(taken), compute(other)];
    // Nothing reads the temporary registers of choices inside a side again.
    const written = [...new Set([...ifTaken.keys(), ...ifNot.keys()])].filter((register) => register < this.#first);
    // What is compared must still be there for the second choice.
    const kept = (register: number): number =>
      written.length > 1 && written.includes(register) ? copyOf(register) : register;
    const { slot } = jump;
    const compared = {
      ...slot,
      dst: kept(slot.dst),
      src: slot.op.family === "jump" && slot.op.operand === "reg" ? kept(slot.src) : slot.src,
    };
    for (const register of written) {
      steps.push({
        ...jump,
        slot: copy(register, ifTaken.get(register) ?? register),
        unless: { jump: compared, src: ifNot.get(register) ?? register },
      });
    }
    this.registers = Math.max(this.registers, free);
  }
}

const copy = (dst: number, src: number): Instruction => {
  const op = operation("mov64_reg");
  return { op, opcode: op.opcode, dst, src, offset: 0, imm: 0 };
};

/** Whether a step doesn't read the register that it writes. */
const replaces = ({ slot: { op } }: Step): boolean =>
  op.family === "lddw" || (op.family === "alu" && ["mov", "movsx", "addr_space_cast"].includes(op.operator));

/**
 * Makes one choice between two values (`select`) of each small branch whose sides compute nothing but registers and meet
 * again. Nobody has to guess which way such a choice goes, and the code around it becomes one block.
 *
 * @param registers virtual registers of the graph
 */
export const selectValues = (
  graph: Graph,
  registers: number,
  knowledge: Knowledge,
): { readonly graph: Graph; readonly registers: number } => {
  let current = graph;
  let most = registers;
  for (let level = 0; level < LEVELS; level++) {
    const selector = new Selector(current, registers, knowledge);
    let changed = false;
    for (const id of current.blocks.keys()) changed = selector.visit(id) || changed;
    if (!changed) break;
    current = compact(selector.blocks).graph;
    most = Math.max(most, selector.registers);
  }
  return { graph: current, registers: most };
};
