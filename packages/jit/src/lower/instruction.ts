import type { Instruction, OperationOf } from "@ebpf/asm";
import { lowerAlu } from "./alu.js";
import { lowerAtomic } from "./atomic.js";
import { lowerCall } from "./call.js";
import type { FunctionWriter } from "./function.js";
import { lowerComputedJump } from "./jump.js";
import { lowerLoad, lowerStore } from "./load-store.js";

/** Writes one instruction. Of jumps that is only what comes before the jump itself. */
export const lowerInstruction = (writer: FunctionWriter, slot: Instruction, pc: number): void => {
  const { op } = slot;
  switch (op.family) {
    case "alu":
      lowerAlu(writer, slot, op);
      return;
    case "load":
      lowerLoad(writer, slot, op, pc);
      return;
    case "store":
      lowerStore(writer, slot, op, pc);
      return;
    case "atomic":
      lowerAtomic(writer, slot, op, pc);
      return;
    case "call":
      lowerCall(writer, slot, op, pc);
      return;
    case "jump":
      if (op.operator === "gotox") lowerComputedJump(writer, slot, pc, writer.host.spec.instructions.length);
      return;
    case "exit":
      writer.get(0).op("return");
      return;
    case "lddw":
      lowerWide(writer, slot, op, pc);
      return;
    case "lddw-tail":
    case "raw":
      writer.fault("BAD_INSTRUCTION", pc);
      return;
  }
};

const lowerWide = (writer: FunctionWriter, slot: Instruction, op: OperationOf<"lddw">, pc: number): void => {
  const value = writer.host.wideValue(pc, op.meaning);
  if (value === undefined) {
    writer.fault("UNSUPPORTED_INSTRUCTION", pc);
    return;
  }
  writer.code.i64(...value);
  writer.set(slot.dst);
};
