import { type Instruction, targetOf } from "@ebpf/asm";
import { FRAME_SIZE, type ProgramHost, wordsOf } from "@ebpf/runtime";
import { type Block, type Graph, type Grapher, isComputedJump, type Step, withEdges } from "../cfg/graph.js";
import { operation } from "./operation.js";

/** Registers of a function: r0..r10. */
export const REGISTERS = 11;

/** Steps of a function that is put in place of its calls; of one that is called only once; of all that is added to a program. */
const MAX_SMALL = 64;
const MAX_ONLY = 1024;
const MAX_GROWTH = 4096;
/** How many functions may be put into one another, and how far calls are followed. */
const MAX_DEPTH = 4;
const MAX_OPEN = 16;

/** A function with what was put into it. Its virtual registers are its own r0..r10, then those of what is inside. */
export interface Inlined {
  readonly graph: Graph;
  readonly registers: number;
}

/** A function, and how it may be used by others. */
interface Body extends Inlined {
  readonly steps: number;
  readonly isInlinable: boolean;
}

const move = (name: string, dst: number, fields: Partial<Instruction>): Instruction => {
  const op = operation(name);
  return { op, opcode: op.opcode, dst, src: 0, offset: 0, imm: 0, ...fields };
};

const isLocalCall = ({ slot: { op } }: Step): boolean => op.family === "call" && op.target === "local";

/** Whether a step does the same wherever it stands: it needs no frame of its own, and leaves no function. */
const isPlaceless = ({ slot }: Step, host: ProgramHost): boolean => {
  const { op } = slot;
  if (op.family === "load") return op.mode === "mem";
  if (op.family !== "call") return op.family !== "raw" && op.family !== "lddw-tail";
  if (op.target !== "helper" && op.target !== "kfunc") return false;
  const callee = op.target === "helper" ? host.helper(slot.imm) : host.kfunc(slot.imm);
  return callee.kind === "function" && !wordsOf(callee.implementation.parameters).includes("frame");
};

const isPlainJump = (jump: Step | undefined): boolean =>
  !isComputedJump(jump) && !(jump?.slot.op.family === "jump" && jump.slot.op.operator === "may_goto");

/** Every register of a function that was put into another comes behind the other's own. */
const shifted = (step: Step): Step => ({
  ...step,
  base: step.base + REGISTERS,
  slot: { ...step.slot, dst: step.slot.dst + REGISTERS, src: step.slot.src + REGISTERS },
});

/** Puts small functions, and those that are called only once, in place of their calls. */
export class Inliner {
  readonly #grapher: Grapher;
  readonly #host: ProgramHost;
  readonly #bodies = new Map<number, Body>();
  /** How often each function is called. */
  readonly #calls = new Map<number, number>();
  /** Functions that are being put together: a call of one of them is recursive. */
  readonly #open = new Set<number>();
  #growth = 0;

  constructor(grapher: Grapher, host: ProgramHost) {
    this.#grapher = grapher;
    this.#host = host;
    host.spec.instructions.forEach((slot, pc) => {
      if (slot.op.family !== "call" || slot.op.target !== "local") return;
      const target = targetOf(slot, pc)!;
      this.#calls.set(target, (this.#calls.get(target) ?? 0) + 1);
    });
  }

  /** The function that begins at a slot. */
  function(start: number): Inlined {
    return this.#body(start);
  }

  #body(start: number): Body {
    const known = this.#bodies.get(start);
    if (known !== undefined) return known;
    this.#open.add(start);
    const replacer = new CallReplacer(this.#grapher.graph(start), (step) => this.#calleeOf(step));
    replacer.run();
    this.#open.delete(start);
    const { blocks, registers } = replacer;
    const all = blocks.flatMap(({ steps }) => steps);
    const isInlinable =
      registers < MAX_DEPTH * REGISTERS &&
      all.every((step) => isPlaceless(step, this.#host)) &&
      blocks.every(({ jump }) => isPlainJump(jump));
    const body = { graph: { blocks }, registers, steps: all.length, isInlinable };
    this.#bodies.set(start, body);
    return body;
  }

  #calleeOf({ slot, pc }: Step): Body | undefined {
    const target = targetOf(slot, pc)!;
    if (target < 0 || target >= this.#host.spec.instructions.length) return undefined;
    if (this.#open.has(target) || this.#open.size >= MAX_OPEN) return undefined;
    const body = this.#body(target);
    const limit = this.#calls.get(target) === 1 ? MAX_ONLY : MAX_SMALL;
    if (!body.isInlinable || body.steps > limit || this.#growth + body.steps > MAX_GROWTH) return undefined;
    this.#growth += body.steps;
    return body;
  }
}

/** Replaces the calls in one function. */
class CallReplacer {
  readonly blocks: Block[];
  registers = REGISTERS;
  readonly #calleeOf: (call: Step) => Body | undefined;

  constructor({ blocks }: Graph, calleeOf: (call: Step) => Body | undefined) {
    this.blocks = [...blocks];
    this.#calleeOf = calleeOf;
  }

  run(): void {
    for (const id of [...this.blocks.keys()]) if (this.blocks[id]!.steps.some(isLocalCall)) this.#replace(id);
  }

  #replace(id: number): void {
    const { steps, start, ...ending } = this.blocks[id]!;
    let current = id;
    let before: Step[] = [];
    for (const step of steps) {
      const callee = isLocalCall(step) ? this.#calleeOf(step) : undefined;
      if (callee === undefined) {
        before.push(step);
        continue;
      }
      this.registers = Math.max(this.registers, callee.registers + REGISTERS);
      const entry = this.blocks.length;
      const behind = entry + callee.graph.blocks.length;
      for (const block of callee.graph.blocks) this.blocks.push(moved(block, { entry, behind }));
      this.blocks.push({ start, steps: [], terminator: { kind: "leave" } });
      const goto = { kind: "goto", edge: { target: entry, cost: 0 } } as const;
      this.blocks[current] = { start, steps: [...before, ...passed(step)], terminator: goto };
      current = behind;
      before = [];
    }
    this.blocks[current] = { start, steps: before, ...ending };
  }
}

/** What a call does before its function runs: r1..r5 are handed over, and the frame is the next one below. */
const passed = ({ pc, base }: Step): Step[] => [
  ...[1, 2, 3, 4, 5].map((r) => ({ pc, base, slot: move("mov64_reg", base + REGISTERS + r, { src: base + r }) })),
  { pc, base, slot: move("mov32_reg", base + REGISTERS + 10, { src: base + 10 }) },
  { pc, base, slot: move("add32_imm", base + REGISTERS + 10, { imm: -FRAME_SIZE }) },
];

/** A block of a function where it is put into another: `exit` goes on behind the call, with the result in r0. */
const moved = (block: Block, { entry, behind }: { readonly entry: number; readonly behind: number }): Block => {
  const { steps, jump, terminator, ...rest } = withEdges(block, (edge) => ({ ...edge, target: edge.target + entry }));
  const last = steps.at(-1);
  const own = { ...rest, ...(jump && { jump: shifted(jump) }) };
  if (last?.slot.op.family !== "exit") return { ...own, steps: steps.map(shifted), terminator };
  const { base } = last;
  const result: Step = { pc: last.pc, base, slot: move("mov64_reg", base, { src: base + REGISTERS }) };
  return {
    ...own,
    steps: [...steps.slice(0, -1).map(shifted), result],
    terminator: { kind: "goto", edge: { target: behind, cost: 0 } },
  };
};
