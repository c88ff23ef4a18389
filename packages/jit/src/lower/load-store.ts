import type { Instruction, LoadOperation, Size, StoreOperation } from "@ebpf/asm";
import { CELL } from "@ebpf/runtime";
import type { Step } from "../cfg/graph.js";
import type { FunctionWriter } from "./function.js";

type Memory = Parameters<FunctionWriter["code"]["memory"]>[0];

/** Loads by size; words where that is enough. */
const LOADS: Readonly<Record<Size, Memory>> = { 1: "i64.load8_u", 2: "i64.load16_u", 4: "i64.load32_u", 8: "i64.load" };
const WORD_LOADS: Readonly<Record<Size, Memory>> = {
  1: "i32.load8_u",
  2: "i32.load16_u",
  4: "i32.load",
  8: "i32.load",
};
const SIGNED_LOADS: Readonly<Record<Size, Memory>> = {
  1: "i64.load8_s",
  2: "i64.load16_s",
  4: "i64.load32_s",
  8: "i64.load",
};
const SIGNED_WORD_LOADS: typeof WORD_LOADS = { ...WORD_LOADS, 1: "i32.load8_s", 2: "i32.load16_s" };
const STORES: Readonly<Record<Size, Memory>> = { 1: "i64.store8", 2: "i64.store16", 4: "i64.store32", 8: "i64.store" };
const WORD_STORES: Readonly<Record<1 | 2 | 4, Memory>> = { 1: "i32.store8", 2: "i32.store16", 4: "i32.store" };

/** An access: the base register, the displacement, and what is done there. */
export interface Access {
  readonly base: number;
  readonly offset: number;
  readonly size: Size;
  readonly write: boolean;
  readonly pc: number;
}

/**
 * Leaves the address of an access on the stack, checked where the mode asks for it.
 *
 * @returns what is to be added to it by the access itself
 */
export const pushAddress = (writer: FunctionWriter, { base, offset, size, write, pc }: Access): number => {
  const { code, program, frame } = writer;
  if (program.check !== undefined) {
    writer
      .get(base)
      .i64(offset)
      .op("i64.add")
      .i32(size)
      .i32(write ? 1 : 0)
      .i32(pc)
      .get(frame)
      .call(program.check);
    return 0;
  }
  writer.getLow(base);
  // wasm adds without wrapping around, so only an upward displacement can be left to it.
  if (offset >= 0) return offset;
  code.i32(offset).op("i32.add");
  return 0;
};

/** Leaves the value at an access on the stack, zero-extended. */
export const pushLoad = (writer: FunctionWriter, access: Access): void => {
  const offset = pushAddress(writer, access);
  writer.code.memory(LOADS[access.size], offset);
};

/** Stores what `push` leaves on the stack. */
export const storeAt = (writer: FunctionWriter, access: Access, push: () => void): void => {
  const offset = pushAddress(writer, access);
  push();
  writer.code.memory(STORES[access.size], offset);
};

/** RFC 9669 §5.1 and §5.2: loads. */
export const lowerLoad = (writer: FunctionWriter, { slot, pc }: Step, op: LoadOperation): void => {
  if (op.mode !== "mem") {
    lowerPacketLoad(writer, slot, op);
    return;
  }
  const { size, signed } = op;
  const offset = pushAddress(writer, { base: slot.src, offset: slot.offset, size, write: false, pc });
  if (writer.result === "narrow") {
    writer.code.memory((signed ? SIGNED_WORD_LOADS : WORD_LOADS)[size], offset);
    writer.setLow(slot.dst);
  } else {
    writer.code.memory((signed ? SIGNED_LOADS : LOADS)[size], offset);
    writer.set(slot.dst);
  }
};

/** RFC 9669 §5.5: a load from the packet into r0; the function returns 0 when the packet has no such bytes. */
const lowerPacketLoad = (writer: FunctionWriter, slot: Instruction, op: LoadOperation): void => {
  const { code, program } = writer;
  const load = program.module.import("load_from_packet", ["i32", "i32"], ["i32"]);
  code.i32(slot.imm);
  if (op.mode === "ind") writer.getLow(slot.src).op("i32.add");
  code.i32(op.size).call(load);
  writer.setLow(writer.base).i32(0).memory("i32.load", CELL.resultHigh).open("if");
  code.i32(0);
  writer.setLow(writer.base);
  writer.exit(writer.base);
  code.op("end");
};

/** RFC 9669 §5.1: stores. */
export const lowerStore = (writer: FunctionWriter, { slot, pc }: Step, op: StoreOperation): void => {
  const { size, operand } = op;
  const offset = pushAddress(writer, { base: slot.dst, offset: slot.offset, size, write: true, pc });
  if (size === 8) writer.source(slot, operand).memory(STORES[size], offset);
  else writer.sourceLow(slot, operand).memory(WORD_STORES[size], offset);
};

/** Loads and stores of a known size at the address on the stack. */
export const loadOf = (size: Size): Memory => LOADS[size];
export const storeOf = (size: Size): Memory => STORES[size];
