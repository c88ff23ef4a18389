import type { Instruction, Size } from "@ebpf/asm";
import { type Block, type Bulk, edgesOf, type Graph, type Place, type Step, withEdges } from "../cfg/graph.js";
import { DEMAND, readBy } from "./effects.js";
import { operation } from "./operation.js";
import { isWord, type Range } from "./range.js";
import { type Knowledge, type RegisterRanges, stepRanges } from "./ranges.js";
import { entryOf, sourcesOf } from "./unroll.js";

/** Rounds that a loop has to be able to have; shorter ones are better unrolled. */
const MIN_ROUNDS = 40;
/** Steps of a round: an address for each side, the accesses, what counts. */
const MAX_STEPS = 16;
const WORD = 2 ** 32;

/** What a register holds within a round, by what registers held when the round began. */
type Value = Place | "loaded" | "other";

interface Access {
  readonly place: Place;
  readonly size: Size;
}

/** What one round of a loop does. */
class Round {
  load: Access | undefined;
  store: (Access & { readonly from: Bulk["from"] | "loaded" }) | undefined;
  /** False once something is met that can't be done for many rounds at once. */
  isPlain = true;
  readonly #values = new Map<number, Value>();
  /** Registers that are read before they are written. */
  readonly #carried = new Set<number>();

  constructor({ steps, jump }: Block, atStart: RegisterRanges, knowledge: Knowledge) {
    const ranges = atStart.slice();
    for (const step of [...steps, jump!]) {
      readBy(step, knowledge.host, DEMAND.full, (register) => {
        if (!this.#values.has(register)) this.#carried.add(register);
      });
      this.#take(step, ranges);
      stepRanges(step, ranges, knowledge);
    }
    if ([...this.#carried].some((register) => this.strideOf(register) === undefined)) this.isPlain = false;
  }

  /** How much a register grows in a round; `undefined` when it isn't always as much. */
  strideOf(register: number): number | undefined {
    const value = this.#valueOf(register);
    if (typeof value === "string" || value.terms.length !== 1 || value.terms[0] !== register) return undefined;
    return value.displacement;
  }

  /** The registers that each round adds to. */
  get counters(): readonly number[] {
    return [...this.#carried].filter((register) => this.strideOf(register) !== 0);
  }

  /** How far a place moves in a round. */
  strideOfPlace({ terms }: Place): number {
    return terms.reduce((sum, register) => sum + (this.strideOf(register) ?? Number.NaN), 0);
  }

  #valueOf(register: number): Value {
    return this.#values.get(register) ?? { terms: [register], displacement: 0 };
  }

  #take(step: Step, ranges: RegisterRanges): void {
    const { op } = step.slot;
    if (op.family === "jump") return;
    if (op.family === "alu") this.#values.set(step.slot.dst, this.#computed(step, ranges));
    else if (op.family === "load" && op.mode === "mem") this.#takeLoad(step.slot, op.size);
    else if (op.family === "store") this.#takeStore(step.slot, op);
    else this.isPlain = false;
  }

  /** Sums of addresses and counters are kept; of what is done in 32 bits only what doesn't leave them. */
  #computed({ slot, rotate, unless, bulk }: Step, ranges: RegisterRanges): Value {
    const { op, dst, src, imm } = slot;
    if (op.family !== "alu" || rotate !== undefined || unless !== undefined || bulk !== undefined) return "other";
    const { operator, operand, width } = op;
    if (operator === "mov" && operand === "reg") {
      return width === 64 || isWord(ranges[src]!) ? this.#valueOf(src) : "other";
    }
    if (operator !== "add" || (width === 32 && !staysWord(ranges[dst]!, imm))) return "other";
    const left = this.#valueOf(dst);
    if (typeof left === "string") return "other";
    if (operand === "imm") return { ...left, displacement: left.displacement + imm };
    const right = this.#valueOf(src);
    if (typeof right === "string" || width === 32) return "other";
    return { terms: [...left.terms, ...right.terms], displacement: left.displacement + right.displacement };
  }

  #placeAt(register: number, offset: number): Place | undefined {
    const value = this.#valueOf(register);
    return typeof value === "string" ? undefined : { ...value, displacement: value.displacement + offset };
  }

  #takeLoad({ src, dst, offset }: Instruction, size: Size): void {
    const place = this.#placeAt(src, offset);
    if (place === undefined || this.load !== undefined || this.store !== undefined) this.isPlain = false;
    else this.load = { place, size };
    this.#values.set(dst, "loaded");
  }

  #takeStore({ dst, src, imm, offset }: Instruction, { size, operand }: { size: Size; operand: string }): void {
    const place = this.#placeAt(dst, offset);
    const from = operand === "imm" ? repeatedByte(imm, size) : this.#storedFrom(src, size);
    if (place === undefined || from === undefined || this.store !== undefined) this.isPlain = false;
    else this.store = { place, size, from };
  }

  #storedFrom(src: number, size: Size): Bulk["from"] | "loaded" | undefined {
    const value = this.#valueOf(src);
    if (value === "loaded") return value;
    return size === 1 ? { register: src } : undefined;
  }
}

const staysWord = ({ high }: Range, added: number): boolean => added >= 0 && high + added < WORD;

/** A number whose bytes are all the same. */
const repeatedByte = (number: number, size: Size): Bulk["from"] | undefined =>
  size === 1 || number === 0 || number === -1 ? { number } : undefined;

/** What counts the rounds, and where it ends; `undefined` for other conditions than `index < end` and `index != end`. */
const conditionOf = (block: Block, id: number, entry: RegisterRanges): Pick<Bulk, "index" | "end"> | undefined => {
  const { jump, terminator } = block;
  const op = jump?.slot.op;
  if (jump === undefined || op?.family !== "jump" || terminator.kind !== "branch") return undefined;
  const { dst, src, imm } = jump.slot;
  const taken = terminator.taken.target === id;
  const operator = taken ? op.operator : ({ eq: "ne", ge: "lt", le: "gt" } as Record<string, string>)[op.operator];
  const isSwapped = operator === "gt" && op.operand === "reg";
  if (operator !== "ne" && operator !== "lt" && !isSwapped) return undefined;
  if (op.operand === "imm" && imm < 0) return undefined;
  const [index, other] = isSwapped ? [src, dst] : [dst, src];
  const compared = op.operand === "imm" ? [index] : [index, other];
  if (op.width === 64 && !compared.every((register) => isWord(entry[register]!))) return undefined;
  return { index, end: op.operand === "imm" ? { number: imm } : { register: other } };
};

const isStep = (stride: number | undefined): stride is Bulk["step"] =>
  stride !== undefined && [1, 2, 4, 8].includes(stride);

/** What rounds of a loop do to memory, where that can be done at once. */
const bulkOf = (block: Block, id: number, entry: RegisterRanges, round: Round): Bulk | undefined => {
  const condition = conditionOf(block, id, entry);
  const { load, store } = round;
  if (condition === undefined || store === undefined) return undefined;
  const step = round.strideOf(condition.index);
  const endMoves = "register" in condition.end && round.strideOf(condition.end.register) !== 0;
  if (!isStep(step) || endMoves || round.strideOfPlace(store.place) !== store.size) return undefined;
  const { place: target, size, from } = store;
  if (from !== "loaded") {
    const changes = "register" in from && round.strideOf(from.register) !== 0;
    return load === undefined && !changes ? { ...condition, step, target, size, from } : undefined;
  }
  if (load === undefined || load.size !== size || round.strideOfPlace(load.place) !== size) return undefined;
  return { ...condition, step, target, size, from: load.place };
};

/** Whether the loop may have enough rounds, by what is known where it is entered. */
const mayBeLong = ({ index, end, step }: Bulk, entry: RegisterRanges): boolean => {
  const last = "register" in end ? entry[end.register]!.high : end.number;
  return (last - entry[index]!.low) / step >= MIN_ROUNDS;
};

/** The steps before a loop that do most of its rounds: memory first, then the registers that count. */
const stepsFor = (bulk: Bulk, round: Round, { jump }: Block, ranges: RegisterRanges, temporary: number): Step[] => {
  const { pc, base, slot } = jump!;
  const [rounds, grown] = [temporary, temporary + 1];
  const alu = (name: string, fields: Partial<Instruction>): Step => {
    const op = operation(name);
    return { pc, base, slot: { ...slot, op, opcode: op.opcode, offset: 0, src: 0, imm: 0, ...fields } };
  };
  const counters = round.counters.flatMap((register) => [
    alu("mov64_reg", { dst: grown, src: rounds }),
    alu("mul64_imm", { dst: grown, imm: round.strideOf(register)! }),
    alu("add64_reg", { dst: register, src: grown }),
    ...(isWord(ranges[register]!) ? [alu("mov32_reg", { dst: register, src: register })] : []),
  ]);
  return [{ ...alu("mov64_imm", { dst: rounds }), bulk }, ...counters];
};

/** Registers that the steps before loops use themselves. */
const TEMPORARIES = 2;

/**
 * Does most rounds of loops that copy or fill bytes at once, before the loop: it is left with a round or two, which also
 * leave in all registers what they leave.
 *
 * @param registers virtual registers of the graph
 * @returns the same graph when there is no such loop
 */
export const moveInBulk = (
  graph: Graph,
  ranges: readonly RegisterRanges[],
  registers: number,
  knowledge: Knowledge,
): { readonly graph: Graph; readonly registers: number } => {
  const sources = sourcesOf(graph);
  const blocks = [...graph.blocks];
  graph.blocks.forEach((block, id) => {
    const isLoop = id !== 0 && block.jump !== undefined && edgesOf(block).some(({ target }) => target === id);
    if (!isLoop || block.steps.length > MAX_STEPS) return;
    const round = new Round(block, ranges[id]!, knowledge);
    const entry = round.isPlain ? entryOf(graph, { id, sources: sources[id]! }, ranges, knowledge) : undefined;
    const bulk = entry && bulkOf(block, id, entry, round);
    if (bulk === undefined || !mayBeLong(bulk, entry!)) return;
    const steps = stepsFor(bulk, round, block, ranges[id]!, registers);
    const before = blocks.length;
    blocks.push({ start: block.start, steps, terminator: { kind: "goto", edge: { target: id, cost: 0 } } });
    for (const source of sources[id]!) {
      if (source === id) continue;
      blocks[source] = withEdges(blocks[source]!, (edge) => (edge.target === id ? { ...edge, target: before } : edge));
    }
  });
  if (blocks.length === graph.blocks.length) return { graph, registers };
  return { graph: { blocks }, registers: registers + TEMPORARIES };
};
