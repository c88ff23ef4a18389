import type { Comparison, Instruction } from "@ebpf/asm";
import type { ProgramHost } from "@ebpf/runtime";
import type { InstructionFacts } from "@ebpf/verifier";
import { type Order, orderBlocks } from "../cfg/dominators.js";
import { type Block, type Choice, edgesOf, type Graph, type Step } from "../cfg/graph.js";
import { loadedConstant, lookedUpConstant } from "./constants.js";
import { writtenBy } from "./effects.js";
import { PlaceQueue } from "./place-queue.js";
import type { Range } from "./range.js";
import * as R from "./range.js";
import { findSlots, type SlotTable } from "./slots.js";

/** What is known of the program beside its instructions. */
export interface Knowledge {
  readonly host: ProgramHost;
  /** By pc; empty without a verifier's report. */
  readonly facts: readonly (InstructionFacts | undefined)[];
  readonly slots: SlotTable;
}

/** @param facts by pc; empty without a verifier's report */
export const knowledgeOf = (host: ProgramHost, facts: Knowledge["facts"]): Knowledge => ({
  host,
  facts,
  slots: findSlots(host.spec.instructions, host.functionStarts, facts),
});

/** The range of each virtual register. */
export type RegisterRanges = Range[];

/** What a step leaves in the register that it writes. */
const rangeAfter = (step: Step, ranges: RegisterRanges, { host, facts }: Knowledge): Range => {
  const { slot, pc } = step;
  const { op } = slot;
  switch (op.family) {
    case "alu":
      if (step.rotate !== undefined) return op.width === 32 ? R.ANY_WORD : R.UNKNOWN;
      if (step.unless !== undefined) return rangeOfChoice(slot, step.unless, ranges);
      if (step.bulk !== undefined) return R.ANY_WORD;
      return R.computeRange(slot, op, ranges[slot.dst]!, ranges[slot.src]!);
    case "lddw": {
      const [low, high] = host.wideValue(pc, op.meaning) ?? [0, -1];
      return high === 0 ? R.exactly(low >>> 0) : R.UNKNOWN;
    }
    case "load": {
      if (op.mode !== "mem") return R.ANY_WORD;
      const constant = loadedConstant(step, op, { base: ranges[slot.src]!, host, facts: facts[pc] });
      if (constant !== undefined) return R.exactly(constant);
      if (isSpilledAddress(facts[pc])) return R.ANY_WORD;
      return op.signed || op.size === 8 ? R.UNKNOWN : R.upTo(2 ** (8 * op.size) - 1);
    }
    case "atomic":
      return op.size === 4 ? R.ANY_WORD : R.UNKNOWN;
    case "call":
      return op.target === "helper" ? returnedBy(step, host, facts[pc]) : R.UNKNOWN;
    default:
      return R.UNKNOWN;
  }
};

/** What either source may be where it is the one that is chosen. */
const rangeOfChoice = ({ src }: Instruction, { jump, src: other }: Choice, ranges: RegisterRanges): Range => {
  const [chosen, otherwise] = [true, false].map((outcome) => {
    const register = outcome ? src : other;
    const refined = refine(jump, ranges, outcome);
    return refined && (refined.find(([compared]) => compared === register)?.[1] ?? ranges[register]!);
  });
  if (chosen === undefined || otherwise === undefined) return chosen ?? otherwise ?? R.UNKNOWN;
  return R.union(chosen, otherwise);
};

/** A pointer that comes back from the stack; what a context holds is its maker's business. */
const isSpilledAddress = (facts: InstructionFacts | undefined): boolean =>
  facts?.address === true && facts.regions.length === 1 && facts.regions[0] === "fp";

const returnedBy = (step: Step, host: ProgramHost, facts: InstructionFacts | undefined): Range => {
  const address = lookedUpConstant(step, host, facts);
  if (address !== undefined) return R.exactly(address);
  const callee = host.helper(step.slot.imm);
  return callee.kind === "function" && callee.returnClass === "pointer" ? R.ANY_WORD : R.UNKNOWN;
};

/** Carries the ranges over a step. An address that the verifier knows of is a word, wherever it was computed. */
export const stepRanges = (step: Step, ranges: RegisterRanges, knowledge: Knowledge): void => {
  const written = writtenBy(step);
  if (written === -1) return;
  const range = rangeAfter(step, ranges, knowledge);
  const address = step.slot.op.family === "alu" && knowledge.facts[step.pc]?.address === true;
  ranges[written] = address ? (R.within(range, 0, R.ANY_WORD.high) ?? R.ANY_WORD) : range;
};

/** The ranges behind a jump that went this way; `undefined` when it can't. */
const behindJump = (block: Block, ranges: RegisterRanges, outcome: boolean, { facts }: Knowledge) => {
  const { slot, pc } = block.jump!;
  const { op } = slot;
  if (op.family !== "jump" || op.operator === "may_goto") return ranges;
  const known = facts[pc]?.outcomes;
  if (known === (outcome ? "not_taken" : "taken")) return undefined;
  const refined = refine(slot, ranges, outcome);
  if (refined === undefined) return undefined;
  const after = ranges.slice();
  for (const [register, range] of refined) after[register] = range;
  return after;
};

/** What is known of the registers that a jump compares, once it went this way; `undefined` when it can't. */
const refine = (
  jump: Instruction,
  ranges: RegisterRanges,
  outcome: boolean,
): readonly (readonly [register: number, Range])[] | undefined => {
  const { op, dst, src, imm } = jump;
  if (op.family !== "jump") return [];
  const right = op.operand === "imm" ? immediateOf(imm, op.width) : ranges[src]!;
  const comparison = { operator: op.operator as Comparison, width: op.width };
  const refined = R.refineRanges(comparison, [ranges[dst]!, right], outcome);
  if (refined === undefined) return undefined;
  return op.operand === "reg"
    ? [
        [src, refined[1]],
        [dst, refined[0]],
      ]
    : [[dst, refined[0]]];
};

const immediateOf = (imm: number, width: 32 | 64): Range => (width === 32 ? R.exactly(imm >>> 0) : R.immediate(imm));

/** What holds at the end of each of a block's edges, in their order; `undefined` for a way that is never taken. */
export const rangesOnEdges = (
  block: Block,
  ranges: RegisterRanges,
  knowledge: Knowledge,
): readonly (RegisterRanges | undefined)[] => {
  if (block.terminator.kind !== "branch") return edgesOf(block).map(() => ranges);
  return [behindJump(block, ranges, true, knowledge), behindJump(block, ranges, false, knowledge)];
};

/** Visits of a block after which its ranges are widened to the next threshold, and to nothing known. */
const WIDEN_AFTER = 2;
const GIVE_UP_AFTER = 24;
const MAX_THRESHOLDS = 64;

/** Numbers at which loops are likely to end: those that jumps compare with, and the limits of smaller integers. */
const thresholdsOf = ({ blocks }: Graph): readonly number[] => {
  const thresholds = new Set([0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff]);
  for (const { jump } of blocks) {
    if (jump?.slot.op.family !== "jump" || jump.slot.op.operand !== "imm" || jump.slot.imm < 0) continue;
    if (thresholds.size >= MAX_THRESHOLDS) break;
    for (const near of [jump.slot.imm - 1, jump.slot.imm, jump.slot.imm + 1]) if (near >= 0) thresholds.add(near);
  }
  return [...thresholds].sort((a, b) => a - b);
};

/** Finds the ranges of a function's registers at the start of its blocks, by walking until nothing changes. */
class RangeAnalysis {
  readonly entries: (RegisterRanges | undefined)[];
  readonly #graph: Graph;
  readonly #order: Order;
  readonly #knowledge: Knowledge;
  readonly #thresholds: readonly number[];
  readonly #visits: Uint32Array;
  readonly #changed: Uint8Array;
  /** Places in the order: where the walk is, what is still to be walked in this round, and what in the next one. */
  #at = 0;
  readonly #round = new PlaceQueue();
  readonly #next: number[] = [];

  constructor(graph: Graph, entry: RegisterRanges, knowledge: Knowledge) {
    this.#graph = graph;
    this.#order = orderBlocks(graph);
    this.#knowledge = knowledge;
    this.#thresholds = thresholdsOf(graph);
    this.entries = new Array<RegisterRanges | undefined>(graph.blocks.length).fill(undefined);
    this.#visits = new Uint32Array(graph.blocks.length);
    this.#changed = new Uint8Array(graph.blocks.length);
    this.entries[0] = entry;
    this.#changed[0] = 1;
  }

  /** Walks in order again and again, each time what changed in the last round. */
  run(): void {
    const { sequence } = this.#order;
    this.#next.push(this.#order.position[0]!);
    while (this.#next.length > 0) {
      for (const place of this.#next.splice(0)) this.#round.add(place);
      for (let place = this.#round.take(); place !== undefined; place = this.#round.take()) {
        this.#at = place;
        const id = sequence[place]!;
        this.#changed[id] = 0;
        this.#leave(id);
      }
    }
  }

  /** A block that is yet to come is walked in this round, any other in the next one. */
  #mark(id: number): void {
    if (this.#changed[id] === 1) return;
    this.#changed[id] = 1;
    const place = this.#order.position[id]!;
    if (place > this.#at) this.#round.add(place);
    else this.#next.push(place);
  }

  #leave(id: number): void {
    const block = this.#graph.blocks[id]!;
    const ranges = this.entries[id]!.slice();
    for (const step of block.steps) stepRanges(step, ranges, this.#knowledge);
    const onEdges = rangesOnEdges(block, ranges, this.#knowledge);
    edgesOf(block).forEach(({ target }, index) => {
      const arriving = onEdges[index];
      if (arriving !== undefined) this.#arrive(target, arriving);
    });
  }

  #arrive(id: number, arriving: RegisterRanges): void {
    const known = this.entries[id];
    if (known === undefined) {
      this.entries[id] = arriving.slice();
      this.#mark(id);
      return;
    }
    for (const [register, before] of known.entries()) {
      const joined = R.union(before, arriving[register]!);
      if (joined === before) continue;
      if (this.#changed[id] === 0) this.#visits[id]!++;
      this.#mark(id);
      known[register] = this.#visits[id]! > WIDEN_AFTER ? this.#widen(before, joined, this.#visits[id]!) : joined;
    }
  }

  #widen(before: Range, joined: Range, visits: number): Range {
    if (visits > GIVE_UP_AFTER) return R.UNKNOWN;
    const low = joined.low < before.low ? 0 : joined.low;
    const stride = low === joined.low ? joined.stride : 1;
    if (joined.high === before.high) return { low, high: joined.high, stride };
    const next = this.#thresholds.find((threshold) => threshold >= joined.high) ?? R.UNKNOWN.high;
    return R.within({ low, high: R.UNKNOWN.high, stride }, low, next) ?? R.UNKNOWN;
  }
}

/** The ranges at the start of each block; `undefined` for blocks that no way leads to. */
export const analyseRanges = (
  graph: Graph,
  entry: RegisterRanges,
  knowledge: Knowledge,
): readonly (RegisterRanges | undefined)[] => {
  const analysis = new RangeAnalysis(graph, entry, knowledge);
  analysis.run();
  return analysis.entries;
};
