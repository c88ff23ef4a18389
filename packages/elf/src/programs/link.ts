import {
  findOperation,
  type Instruction,
  instruction,
  SLOT_SIZE,
  type WideOperation,
  wideInstruction,
} from "@ebpf/asm";
import { invariant } from "@ebpf/core";
import type { FunctionInfo, LineInfo } from "@ebpf/platform";
import { ElfError } from "../errors.js";
import { lowerBound } from "../lower-bound.js";
import { placeOf } from "./code.js";
import type { CodeFunction, FunctionTable } from "./functions.js";
import type { Reference } from "./references.js";

/** A program's code: its entry function and every function that is reached from there. */
export interface LinkedCode {
  readonly instructions: readonly Instruction[];
  readonly functions: readonly FunctionInfo[];
  readonly lines: readonly LineInfo[];
  /** Handles of the maps that are referred to. */
  readonly maps: ReadonlySet<number>;
}

/** Slots of a program: the kernel's limit. */
const MAX_SLOTS = 1_000_000;

/** Slots that may still be linked. Each program has its own copy of the subprograms, which could multiply without end. */
export interface Budget {
  slots: number;
}

/**
 * Links an entry function with its subprograms.
 *
 * @throws ElfError for references that lead nowhere or can't be resolved yet; `LIMIT`.
 */
export const link = (entry: CodeFunction, table: FunctionTable, budget: Budget): LinkedCode => {
  const placed = layOut(entry, table, budget);
  const instructions: Instruction[] = [];
  const functions: FunctionInfo[] = [];
  const lines: LineInfo[] = [];
  const maps = new Set<number>();
  for (const [part, pc] of placed) {
    checkCore(part);
    functions.push({
      pc,
      name: part.name,
      linkage: part.linkage,
      ...(part.typeId === undefined ? {} : { typeId: part.typeId }),
    });
    for (let slot = part.start; slot < part.end; slot++) instructions.push(part.code.instructions[slot]!);
    for (const [slot, reference] of part.references) {
      if (!("kind" in reference)) throw reference;
      const at = pc + slot - part.start;
      patch(instructions, at, reference, placed, table);
      if (reference.kind === "map" || reference.kind === "data") maps.add(reference.handle);
    }
    collectLines(part, pc, lines);
  }
  return { instructions, functions, lines, maps };
};

/**
 * Gives every reachable function its place: depth first, in the order of the calls, so that a program looks the same
 * as libbpf's. The walk keeps its own stack, for a chain of calls can be as long as the file.
 */
const layOut = (entry: CodeFunction, table: FunctionTable, budget: Budget): Map<CodeFunction, number> => {
  const placed = new Map<CodeFunction, number>();
  let length = 0;
  const stack: { readonly part: CodeFunction; next: number }[] = [];
  const place = (part: CodeFunction): void => {
    if (placed.has(part)) return;
    placed.set(part, length);
    length += part.end - part.start;
    budget.slots -= part.end - part.start;
    if (length > MAX_SLOTS) throw new ElfError("LIMIT", `more than ${MAX_SLOTS} instructions in ${entry.name}`);
    if (budget.slots < 0) throw new ElfError("LIMIT", "all programs together have too many instructions");
    stack.push({ part, next: 0 });
  };
  place(entry);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const reference = top.part.references[top.next++]?.[1];
    if (reference === undefined) stack.pop();
    else if ("kind" in reference && reference.kind === "function") place(targetOf(reference, table));
  }
  return placed;
};

const targetOf = (reference: Reference & { kind: "function" }, table: FunctionTable): CodeFunction => {
  const target = table.at(reference);
  invariant(target !== undefined, "a function begins wherever a reference leads");
  return target;
};

const operation = (name: string) => {
  const op = findOperation(name);
  invariant(op !== undefined, `${name} is an operation`);
  return op;
};

const wide = (name: string): WideOperation => {
  const op = operation(name);
  invariant(op.family === "lddw", `${name} is a wide load`);
  return op;
};

/** Puts into the instruction at `at` what it refers to. */
const patch = (
  instructions: Instruction[],
  at: number,
  reference: Reference,
  placed: ReadonlyMap<CodeFunction, number>,
  table: FunctionTable,
): void => {
  const { op, dst } = instructions[at]!;
  const load = (name: string, low: number, high: number): void => {
    [instructions[at], instructions[at + 1]] = wideInstruction(wide(name), dst, low, high);
  };
  switch (reference.kind) {
    case "function": {
      const distance = (placed.get(targetOf(reference, table)) ?? 0) - at - 1;
      if (op.family === "lddw") load("lddw_function", distance, 0);
      else instructions[at] = instruction(operation("call_local"), { imm: distance });
      return;
    }
    case "map":
      load("lddw_map", reference.handle, 0);
      return;
    case "data":
      load("lddw_map_value", reference.handle, reference.offset);
      return;
    case "absent":
      load("lddw", 0, 0);
  }
};

const checkCore = ({ code, start, end, name }: CodeFunction): void => {
  const slot = code.coreRelocations[lowerBound(code.coreRelocations, (at) => at >= start)];
  if (slot === undefined || slot >= end) return;
  throw new ElfError(
    "UNSUPPORTED_CORE_RELOCATION",
    `function ${name}, instruction ${slot - start}: has to be adapted to the kernel's types (CO-RE)`,
    placeOf(code, slot),
  );
};

const collectLines = ({ code, start, end }: CodeFunction, pc: number, into: LineInfo[]): void => {
  const { lines } = code;
  for (let i = lowerBound(lines, ({ offset }) => offset >= start * SLOT_SIZE); i < lines.length; i++) {
    const { offset, ...line } = lines[i]!;
    if (offset >= end * SLOT_SIZE) return;
    into.push({ pc: pc + offset / SLOT_SIZE - start, ...line });
  }
};
