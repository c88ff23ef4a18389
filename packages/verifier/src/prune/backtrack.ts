import type { AtomicOperation, Instruction, Operation } from "@ebpf/asm";
import { calleeAt, type Program } from "../program/program.js";
import { Marks, WORDS } from "../state/marks.js";
import { FRAME_POINTER } from "../state/state.js";
import type { HistoryEntry, Place } from "./history.js";

/*
 * One instruction backwards: from the numbers that must be precise behind it to those that must be precise before it.
 *
 * Sound because an instruction's result depends on nothing but its operands: when every operand of a wanted result is
 * wanted, and all else is passed on, no value that the path relied on is missed. Where that can't be told, `false` is
 * returned and every number of the path counts as precise.
 */

/** Frames that a call chain can have, and one to spare for a walk back into a function. */
const MAX_FRAMES = 9;
const ARGUMENTS = 0b11_1110;

/** The registers and slots whose precision is looked for, and the frame that the way back is in. */
export class Wanted extends Marks {
  frame = 0;

  constructor() {
    super(MAX_FRAMES);
  }

  /** Nothing is wanted any more. Frames above the one that the way is in have nothing wanted. */
  override get isEmpty(): boolean {
    const { words } = this;
    for (let index = WORDS * this.frame + WORDS - 1; index >= 0; index--) if (words[index] !== 0) return false;
    return true;
  }

  /** True when nothing else is wanted than some of these registers of the frame that the way is in. */
  isWithin(registers: number): boolean {
    const { words } = this;
    const own = WORDS * this.frame;
    if ((words[own]! & ~registers) !== 0) return false;
    for (let index = own + WORDS - 1; index >= 0; index--) if (index !== own && words[index] !== 0) return false;
    return true;
  }

  has(register: number): boolean {
    return this.hasRegister(this.frame, register);
  }

  want(register: number): void {
    this.addRegister(this.frame, register);
  }

  drop(register: number): void {
    this.deleteRegister(this.frame, register);
  }

  hasPlace({ frame, kind, index }: Place): boolean {
    return kind === "register" ? this.hasRegister(frame, index) : this.hasSlot(frame, index);
  }

  wantPlace({ frame, kind, index }: Place): void {
    if (kind === "register") this.addRegister(frame, index);
    else this.addSlot(frame, index);
  }
}

/** An instruction on the way back. */
export interface Step {
  readonly pc: number;
  /** The instruction that was walked after it. */
  readonly nextPc: number;
  readonly entry: HistoryEntry | undefined;
}

/** Numbers that learned from one another are precise together. */
const wantLinked = (wanted: Wanted, entry: HistoryEntry | undefined): void => {
  if (entry === undefined || entry.linked.length === 0) return;
  if (!entry.linked.some((place) => wanted.hasPlace(place))) return;
  for (const place of entry.linked) wanted.wantPlace(place);
};

const backOverAlu = (wanted: Wanted, { dst, src }: Instruction, op: Operation & { family: "alu" }): void => {
  if (!wanted.has(dst)) return;
  const { operator, operand } = op;
  if (operator === "mov" || operator === "movsx" || operator === "addr_space_cast") {
    wanted.drop(dst);
  }
  if (operand === "reg" && src !== FRAME_POINTER) wanted.want(src);
};

/** A load: the number came from a spill slot, or from memory that nothing is known of. */
const backOverLoad = (wanted: Wanted, register: number, entry: HistoryEntry | undefined): void => {
  if (!wanted.has(register)) return;
  wanted.drop(register);
  if (entry?.slot !== undefined) wanted.wantPlace(entry.slot);
};

const backOverStore = (
  wanted: Wanted,
  slot: Instruction,
  entry: HistoryEntry | undefined,
  stored: boolean,
): boolean => {
  // A number in a register that is an address: the difference of two pointers.
  if (wanted.has(slot.dst)) return false;
  const place = entry?.slot;
  if (place === undefined || !wanted.hasPlace(place)) return true;
  wanted.deleteSlot(place.frame, place.index);
  if (stored) wanted.want(slot.src);
  return true;
};

/**
 * Linux takes every atomic operation for a store: the register that a fetch overwrites stays wanted. What it was overwritten with
 * is wanted here as well.
 */
const backOverAtomic = (
  wanted: Wanted,
  slot: Instruction,
  op: AtomicOperation,
  entry: HistoryEntry | undefined,
): boolean => {
  if (!backOverStore(wanted, slot, entry, true)) return false;
  const fetched = op.operator === "cmpxchg" ? 0 : slot.src;
  if (op.fetch && entry?.slot !== undefined && wanted.has(fetched)) wanted.wantPlace(entry.slot);
  return true;
};

/** From a function's start back to the call: only arguments can be wanted. */
const leaveCallee = (wanted: Wanted, passArguments: boolean): boolean => {
  if (wanted.frame === 0) return false;
  const registers = wanted.registers(wanted.frame);
  if ((registers & ~ARGUMENTS) !== 0 || wanted.slots(wanted.frame).length > 0) return false;
  for (let register = 1; register <= 5; register++) {
    if (!wanted.has(register)) continue;
    wanted.drop(register);
    if (passArguments) wanted.addRegister(wanted.frame - 1, register);
  }
  wanted.frame--;
  return true;
};

/** From behind a call back into the function that it called. */
const enterCallee = (wanted: Wanted, returnsValue: boolean): boolean => {
  if (wanted.frame >= MAX_FRAMES - 2) return false;
  const result = returnsValue && wanted.has(0);
  if (returnsValue && (wanted.registers(wanted.frame) & ARGUMENTS) !== 0) return false;
  wanted.drop(0);
  wanted.frame++;
  if (result) wanted.want(0);
  return true;
};

const backOverCall = (program: Program, wanted: Wanted, { pc, nextPc }: Step): boolean => {
  const { op } = program.instructions[pc]!;
  if (op.family !== "call") return false;
  if (op.target === "local") {
    if (!calleeAt(program, pc).global) return leaveCallee(wanted, true);
    wanted.drop(0);
    return (wanted.registers(wanted.frame) & ARGUMENTS) === 0;
  }
  if (program.callbackCalls.has(pc) && pc !== nextPc - 1) return leaveCallee(wanted, false);
  wanted.drop(0);
  if ((wanted.registers(wanted.frame) & ARGUMENTS) !== 0) return false;
  // A tail call from a function: the path went on behind the call of that function.
  return nextPc === pc + 1 || enterCallee(wanted, false);
};

const backOverExit = (program: Program, wanted: Wanted, { nextPc }: Step): boolean => {
  // The arguments of a helper that calls back are the same in every round: the first round's call has marked them.
  if (program.callbackCalls.has(nextPc)) for (let register = 1; register <= 5; register++) wanted.drop(register);
  const before = nextPc > 0 ? program.instructions[nextPc - 1]!.op : undefined;
  return enterCallee(wanted, before?.family === "call" && before.target === "local");
};

const backOverJump = (wanted: Wanted, { dst, src }: Instruction, entry: HistoryEntry | undefined): void => {
  if (!wanted.has(dst) && !wanted.has(src)) return;
  if (!entry?.sourceIsStack) wanted.want(src);
  if (!entry?.destinationIsStack) wanted.want(dst);
};

const backOverLegacyLoad = (wanted: Wanted, { dst }: Instruction, { pc, nextPc }: Step): boolean => {
  if (wanted.has(dst)) return false;
  return nextPc === pc + 1 || enterCallee(wanted, false);
};

const backOver = (program: Program, wanted: Wanted, step: Step): boolean => {
  const { entry } = step;
  const slot = program.instructions[step.pc]!;
  const { op } = slot;
  switch (op.family) {
    case "alu":
      backOverAlu(wanted, slot, op);
      return true;
    case "load":
      if (op.mode !== "mem") return backOverLegacyLoad(wanted, slot, step);
      backOverLoad(wanted, slot.dst, entry);
      return true;
    case "store":
      return backOverStore(wanted, slot, entry, op.operand === "reg");
    case "atomic":
      if (op.operator !== "load_acquire") return backOverAtomic(wanted, slot, op, entry);
      backOverLoad(wanted, slot.dst, entry);
      return true;
    case "jump":
      if (op.operand === "reg") backOverJump(wanted, slot, entry);
      return true;
    case "call":
      return backOverCall(program, wanted, step);
    case "exit":
      return backOverExit(program, wanted, step);
    case "lddw":
      wanted.drop(slot.dst);
      return true;
    case "lddw-tail":
    case "raw":
      return true;
  }
};

/** Takes `wanted` from behind an instruction to before it; `false` when precision can't be followed there. */
export const stepBack = (program: Program, wanted: Wanted, step: Step): boolean => {
  wantLinked(wanted, step.entry);
  if (!backOver(program, wanted, step)) return false;
  wantLinked(wanted, step.entry);
  return true;
};
