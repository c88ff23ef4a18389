import {
  findOperation,
  type Instruction,
  instruction,
  SLOT_SIZE,
  type WideOperation,
  wideInstruction,
} from "@ebpf/asm";
import { type ByteReader, highOf, invariant, lowOf } from "@ebpf/core";
import type { FunctionInfo, LineInfo, MapSpec } from "@ebpf/platform";
import { ElfError } from "../errors.js";
import { lowerBound } from "../lower-bound.js";
import type { CodeFunction, FunctionTable } from "./functions.js";
import { type JumpTableReference, JumpTables } from "./jump-tables.js";
import type { FunctionReference, Reference } from "./references.js";

/** The functions of an object, and what leads from one to another. */
export interface ObjectCode {
  readonly table: FunctionTable;
  /** The function that is run when an entry function throws; it belongs to the program although nothing calls it. */
  readonly exceptionCallbackOf: (entry: CodeFunction) => CodeFunction | undefined;
  /** The tables that computed jumps go through. */
  readonly jumpTables: ByteReader | undefined;
  /** A handle that no map of the object has, nor any higher one. */
  readonly freeHandle: number;
}

/** Where each function of a program begins. */
type Placement = ReadonlyMap<CodeFunction, number>;

/** A program's code: its entry function and every function that is reached from there. */
export interface LinkedCode {
  readonly instructions: readonly Instruction[];
  readonly functions: readonly FunctionInfo[];
  readonly lines: readonly LineInfo[];
  /** Handles of the maps that are referred to. */
  readonly maps: ReadonlySet<number>;
  /** Its jump tables, by handle: no other program's, for they hold places in this one. */
  readonly jumpTables: ReadonlyMap<number, MapSpec>;
  /** Whether it refers to anything of a kernel module. */
  readonly usesModules: boolean;
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
export const link = (entry: CodeFunction, objectCode: ObjectCode, budget: Budget): LinkedCode => {
  const { table } = objectCode;
  const placed = layOut(entry, objectCode, budget);
  const instructions: Instruction[] = [];
  const functions: FunctionInfo[] = [];
  const lines: LineInfo[] = [];
  const maps = new Set<number>();
  const tables = new JumpTables(objectCode.jumpTables, objectCode.freeHandle);
  let usesModules = false;
  for (const [part, pc] of placed) {
    checkAdapted(part);
    const { name, declaredLinkage: linkage, typeId } = part;
    functions.push({ pc, name, linkage, ...(typeId === undefined ? {} : { typeId }) });
    for (let slot = part.start; slot < part.end; slot++) instructions.push(part.code.instructions[slot]!);
    for (const [slot, reference] of part.references) {
      if (!("kind" in reference)) throw reference;
      const at = pc + slot - part.start;
      if (reference.kind === "jump table") {
        const handle = tables.handleOf(reference, part, pc);
        patch(instructions, at, { kind: "data", handle, offset: 0 }, placed, table);
      } else patch(instructions, at, reference, placed, table);
      if (reference.kind === "btf" && reference.module > 0) usesModules = true;
      if (reference.kind === "map" || reference.kind === "data") maps.add(reference.handle);
    }
    collectLines(part, pc, lines);
  }
  return { instructions, functions, lines, maps, jumpTables: tables.maps, usesModules };
};

/**
 * Gives every reachable function its place: depth first, in the order of the calls, so that a program looks the same
 * as libbpf's. The walk keeps its own stack, for a chain of calls can be as long as the file.
 */
const layOut = (entry: CodeFunction, { table, exceptionCallbackOf }: ObjectCode, budget: Budget): Placement => {
  const placed = new Map<CodeFunction, number>();
  let length = 0;
  const stack: { readonly part: CodeFunction; next: number }[] = [];
  const place = (part: CodeFunction): void => {
    if (placed.has(part)) return;
    placed.set(part, length);
    length += part.end - part.start;
    budget.slots -= part.end - part.start;
    const at = entry.code.placeOf(entry.start);
    if (length > MAX_SLOTS) throw new ElfError("LIMIT", `more than ${MAX_SLOTS} instructions in ${entry.name}`, at);
    if (budget.slots < 0) throw new ElfError("LIMIT", "all programs together have too many instructions", at);
    stack.push({ part, next: 0 });
  };
  const placeReachable = (from: CodeFunction): void => {
    place(from);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const reference = top.part.references[top.next++]?.[1];
      if (reference === undefined) stack.pop();
      else if ("kind" in reference && reference.kind === "function") place(targetOf(reference, table));
    }
  };
  placeReachable(entry);
  const callback = exceptionCallbackOf(entry);
  if (callback !== undefined) placeReachable(callback);
  return placed;
};

const targetOf = (reference: FunctionReference, table: FunctionTable): CodeFunction => {
  const target = table.at(reference);
  if (target !== undefined) return target;
  throw new ElfError(
    "BAD_CALL",
    `a call leads into the middle of a function, to instruction ${reference.slot} of its section`,
  );
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

/** Calls of helpers that no kernel has stand for calls of functions that this kernel lacks; the number is libbpf's. */
const MISSING_FUNCTION = 2_002_000_000;

/** Puts into the instruction at `at` what it refers to. */
const patch = (
  instructions: Instruction[],
  at: number,
  reference: Exclude<Reference, JumpTableReference>,
  placed: Placement,
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
    case "btf":
      if (op.family === "lddw") load("lddw_ksym", reference.id, reference.module);
      else instructions[at] = instruction(operation("call_kfunc"), { imm: reference.id, offset: reference.module });
      return;
    case "missing":
      if (op.family === "lddw") load("lddw", 0, 0);
      else instructions[at] = instruction(operation("call"), { imm: MISSING_FUNCTION + reference.index });
      return;
    case "address":
      load("lddw", lowOf(reference.value), highOf(reference.value));
  }
};

const checkAdapted = ({ code, start, end, name }: CodeFunction): void => {
  const first = code.coreErrors[lowerBound(code.coreErrors, ([slot]) => slot >= start)];
  if (first === undefined || first[0] >= end) return;
  const [slot, error] = first;
  const place = code.placeOf(slot);
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  const message = `function ${name}, instruction ${slot - start}: ${error.message}`;
  if (error instanceof ElfError) throw new ElfError(error.code, message, { ...place, ...hint });
  throw new ElfError("BAD_CORE_RELOCATION", message, { ...place, ...hint, cause: error });
};

const collectLines = ({ code, start, end }: CodeFunction, pc: number, into: LineInfo[]): void => {
  const { lines } = code;
  for (let i = lowerBound(lines, ({ offset }) => offset >= start * SLOT_SIZE); i < lines.length; i++) {
    const { offset, ...line } = lines[i]!;
    if (offset >= end * SLOT_SIZE) return;
    into.push({ pc: pc + offset / SLOT_SIZE - start, ...line });
  }
};
