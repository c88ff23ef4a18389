import { findOperation, type Instruction, instruction, slotsOf, targetOf } from "@ebpf/asm";
import type { FuzzCase } from "../fuzz-case.js";
import { describeFunctions } from "./functions.js";

/*
 * Delta debugging on instructions: runs of them are left out, jumps over them mended, and numbers made small, as long as
 * the case still fails in the same way.
 */

/** Where each slot goes when `count` slots from `from` are left out; targets inside go to the first that is kept. */
const without = (instructions: readonly Instruction[], from: number, count: number): Instruction[] | undefined => {
  const moved = (pc: number): number => (pc < from ? pc : Math.max(from, pc - count));
  const kept: Instruction[] = [];
  for (let pc = 0; pc < instructions.length; pc++) {
    const slot = instructions[pc]!;
    if (pc >= from && pc < from + count) continue;
    const target = targetOf(slot, pc);
    if (target === undefined) {
      kept.push(slot);
      continue;
    }
    const field = slot.op.family === "jump" && slot.op.target === "offset" ? "offset" : "imm";
    kept.push({ ...slot, [field]: moved(target) - moved(pc) - 1 });
  }
  return kept.length > 0 ? kept : undefined;
};

/** The slots at which instructions begin. */
const starts = (instructions: readonly Instruction[]): number[] => {
  const list: number[] = [];
  for (let pc = 0; pc < instructions.length; pc += slotsOf(instructions[pc]!)) list.push(pc);
  return list;
};

const MOVE = findOperation("mov64_imm")!;

/** Simpler instructions that may do in the place of one. */
const simpler = (slot: Instruction): Instruction[] => {
  const { op, imm, offset } = slot;
  const candidates: Instruction[] = [];
  if (op.family === "alu" && op.name !== MOVE.name) candidates.push(instruction(MOVE, { dst: slot.dst, imm: 0 }));
  if (op.family === "load") candidates.push(instruction(MOVE, { dst: slot.dst, imm: 0 }));
  if (op.uses.includes("imm") && op.family !== "call" && op.family !== "lddw" && op.family !== "jump") {
    for (const value of [0, 1, imm >> 1]) if (Math.abs(value) < Math.abs(imm)) candidates.push({ ...slot, imm: value });
  }
  if (op.family === "jump" && op.target === "offset" && op.operand === "imm") {
    for (const value of [0, 1, imm >> 1]) if (Math.abs(value) < Math.abs(imm)) candidates.push({ ...slot, imm: value });
  }
  if ((op.family === "store" || op.family === "load") && offset !== 0) candidates.push({ ...slot, offset: 0 });
  return candidates;
};

/** The case with other instructions; maps that nothing names any more are left out. */
const withInstructions = (fuzzCase: FuzzCase, instructions: readonly Instruction[]): FuzzCase => {
  const used = new Set(
    instructions.filter(({ op }) => op.family === "lddw" && op.meaning.startsWith("map")).map(({ imm }) => imm),
  );
  const maps = new Map([...fuzzCase.spec.maps].filter(([handle]) => used.has(handle)));
  const contents = new Map([...fuzzCase.contents].filter(([handle]) => used.has(handle)));
  const spec = { ...fuzzCase.spec, instructions, maps };
  return { ...fuzzCase, contents, spec: describeFunctions(spec) };
};

/**
 * A smaller case that still fails, by leaving instructions out and making the others simpler.
 *
 * @param fails whether a case fails in the same way
 * @param deadline when to stop, in milliseconds as `Date.now()`
 */
export const minimise = (fuzzCase: FuzzCase, fails: (candidate: FuzzCase) => boolean, deadline: number): FuzzCase => {
  let best = fuzzCase;
  const accept = (instructions: readonly Instruction[] | undefined): boolean => {
    if (instructions === undefined || Date.now() > deadline) return false;
    const candidate = withInstructions(best, instructions);
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };
  const removeRuns = (length: number): boolean => {
    let changed = false;
    for (let at = 0; at < starts(best.spec.instructions).length; ) {
      const places = [...starts(best.spec.instructions), best.spec.instructions.length];
      const from = places[at]!;
      const to = places[Math.min(at + length, places.length - 1)]!;
      if (accept(without(best.spec.instructions, from, to - from))) changed = true;
      else at += length;
    }
    return changed;
  };
  const simplify = (): boolean => {
    let changed = false;
    for (let pc = 0; pc < best.spec.instructions.length; pc++) {
      for (const candidate of simpler(best.spec.instructions[pc]!)) {
        if (accept(best.spec.instructions.with(pc, candidate))) {
          changed = true;
          break;
        }
      }
    }
    return changed;
  };
  for (let again = true; again && Date.now() < deadline; ) {
    again = false;
    for (let length = 16; length >= 1; length >>= 1) if (removeRuns(length)) again = true;
    if (simplify()) again = true;
  }
  return best;
};
