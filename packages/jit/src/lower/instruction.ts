import type { Instruction, OperationOf } from "@ebpf/asm";
import type { Step } from "../cfg/graph.js";
import { lowerAlu } from "./alu.js";
import { lowerAtomic } from "./atomic.js";
import { lowerCall } from "./call.js";
import type { FunctionWriter } from "./function.js";
import { lowerComputedJump } from "./jump.js";
import { lowerLoad, lowerStore } from "./load-store.js";

/** Writes one instruction. Of jumps that is only what comes before the jump itself. */
export const lowerInstruction = (writer: FunctionWriter, step: Step): void => {
  const { slot, pc } = step;
  const { op } = slot;
  switch (op.family) {
    case "alu":
      lowerAlu(writer, step, op);
      return;
    case "load":
      lowerLoad(writer, step, op);
      return;
    case "store":
      lowerStore(writer, step, op);
      return;
    case "atomic":
      lowerAtomic(writer, step, op);
      return;
    case "call":
      lowerCall(writer, step, op);
      return;
    case "jump":
      if (op.operator === "gotox") lowerComputedJump(writer, slot, pc, writer.host.spec.instructions.length);
      return;
    case "exit":
      writer.exit(writer.base);
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
  if (value[1] === 0) {
    writer.code.i32(value[0]);
    writer.setLow(slot.dst);
  } else {
    writer.code.i64(...value);
    writer.set(slot.dst);
  }
};
