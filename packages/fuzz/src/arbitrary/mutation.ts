import { type Instruction, OPERATIONS, type Operation, RAW, slotsOf } from "@ebpf/asm";
import type { ProgramTypeName } from "@ebpf/platform";
import fc from "fast-check";
import type { FuzzCase } from "../fuzz-case.js";
import { describeFunctions } from "../minimise/functions.js";
import { constant32 } from "./constant.js";
import { plainInput } from "./input.js";
import { operationsOf, withOperands } from "./operation.js";
import { readable } from "./readable.js";

/** A small change of a program at one place. */
interface Edit {
  readonly at: number;
  readonly kind: "imm" | "nudge" | "offset" | "dst" | "src" | "operation" | "swap" | "copy" | "nop" | "type";
  readonly number: number;
  readonly register: number;
  readonly step: number;
  readonly pick: number;
}

const edit = (): fc.Arbitrary<Edit> =>
  fc.record({
    at: fc.nat({ max: 0xffff }),
    kind: fc.constantFrom<Edit["kind"]>(
      "imm",
      "nudge",
      "offset",
      "dst",
      "src",
      "operation",
      "swap",
      "copy",
      "nop",
      "type",
    ),
    number: constant32(),
    register: fc.integer({ min: 0, max: 10 }),
    step: fc.constantFrom(1, -1, 2, -2, 4, -4, 8, -8),
    pick: fc.nat({ max: 0xffff }),
  });

/** Operations that take the same fields, so that one can stand in the other's place. */
const alike = (op: Operation): readonly Operation[] =>
  OPERATIONS.filter((other) => other.family === op.family && other.uses.join() === op.uses.join());

const NO_OPERATION = operationsOf({ families: ["jump"] }).find(({ name }) => name === "ja")!;
const nop: Instruction = { op: NO_OPERATION, opcode: NO_OPERATION.opcode, dst: 0, src: 0, offset: 0, imm: 0 };

const isSingle = (slot: Instruction | undefined): slot is Instruction =>
  slot !== undefined && slotsOf(slot) === 1 && slot.op.family !== "lddw-tail";

const int16 = (value: number): number => (value << 16) >> 16;

/** The slot after an edit that concerns it alone; fields that it doesn't use stay as they are. */
const changed = (slot: Instruction, { kind, number, register, step, pick }: Edit): Instruction => {
  const { op } = slot;
  if (op === RAW) return slot;
  switch (kind) {
    case "imm":
      return op.uses.includes("imm") ? { ...slot, imm: op.name === "call" ? pick % 212 : number } : slot;
    case "nudge":
      return op.uses.includes("imm") ? { ...slot, imm: (slot.imm + step) | 0 } : slot;
    case "offset":
      return op.uses.includes("offset") ? { ...slot, offset: int16(slot.offset + step) } : slot;
    case "dst":
    case "src":
      return op.uses.includes(kind) ? { ...slot, [kind]: register } : slot;
    case "operation": {
      if (op.family === "lddw") return slot;
      const others = alike(op);
      const other = others[pick % Math.max(1, others.length)];
      return other === undefined ? slot : withOperands(other, slot)[0]!;
    }
    case "nop":
      return op.family === "exit" ? slot : nop;
    default:
      return slot;
  }
};

const TYPES: readonly ProgramTypeName[] = ["xdp", "sched_cls", "socket_filter", "kprobe", "tracepoint", "cgroup_skb"];

const apply = (fuzzCase: FuzzCase, one: Edit): FuzzCase => {
  const { spec } = fuzzCase;
  const instructions = spec.instructions.slice();
  const at = one.at % instructions.length;
  const [slot, next] = [instructions[at]!, instructions[at + 1]];
  if (one.kind === "type") {
    const { attachType: _, ...rest } = spec;
    const type = TYPES[one.pick % TYPES.length]!;
    return { ...fuzzCase, spec: { ...rest, type }, input: plainInput(type) };
  }
  if (slot.op.family === "lddw-tail") return fuzzCase;
  const other = instructions[one.pick % instructions.length];
  if (one.kind === "swap" && isSingle(slot) && isSingle(next)) instructions.splice(at, 2, next, slot);
  else if (one.kind === "copy" && isSingle(slot) && isSingle(other)) instructions[at] = other;
  else if (isSingle(slot)) instructions[at] = changed(slot, one);
  return { ...fuzzCase, spec: { ...spec, instructions } };
};

/** Seeds with a few small changes: other numbers, registers, operations, order; they shrink to fewer changes. */
export const mutations = (seeds: readonly FuzzCase[]): fc.Arbitrary<FuzzCase> =>
  readable(
    fc.tuple(fc.constantFrom(...seeds), fc.array(edit(), { minLength: 1, maxLength: 4 })).map(([seed, edits]) => {
      const mutant = edits.reduce(apply, seed);
      return { ...mutant, spec: describeFunctions(mutant.spec) };
    }),
  );
