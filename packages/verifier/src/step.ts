import type { Instruction } from "@ebpf/asm";
import { assertNever, invariant } from "@ebpf/core";
import { reject } from "./report/reject.js";
import { stepAlu } from "./transfer/alu.js";
import { stepCall } from "./transfer/call.js";
import { stepExit } from "./transfer/exit.js";
import { stepJump } from "./transfer/jump.js";
import { stepAtomic, stepLoad, stepStore } from "./transfer/load-store.js";
import { stepWide } from "./transfer/wide.js";
import type { Walk } from "./walk.js";

const CLASS_MASK = 0x07;
/** By class; loads, jumps and unknown opcodes are refused before the walk. */
const RESERVED_FIELDS: Readonly<Record<number, string>> = {
  0: "BPF_LD_[ABS|IND] uses reserved fields",
  2: "BPF_ST uses reserved fields",
  3: "BPF_STX uses reserved fields",
  4: "BPF_ALU uses reserved fields",
  7: "BPF_ALU uses reserved fields",
};

const rejectRaw = ({ opcode, dst, src }: Instruction): never => {
  if (dst > 10) reject("BAD_INSTRUCTION", `R${dst} is invalid`);
  if (src > 10) reject("BAD_INSTRUCTION", `R${src} is invalid`);
  return reject("BAD_INSTRUCTION", RESERVED_FIELDS[opcode & CLASS_MASK] ?? `unknown opcode ${opcode.toString(16)}`);
};

const step = (walk: Walk): "path ends" | undefined => {
  const slot = walk.instruction;
  const { op } = slot;
  switch (op.family) {
    case "alu":
      return void stepAlu(walk, slot, op);
    case "load":
      return void stepLoad(walk, slot, op);
    case "store":
      return void stepStore(walk, slot, op);
    case "atomic":
      return void stepAtomic(walk, slot, op);
    case "jump":
      walk.jumps++;
      return void stepJump(walk, slot, op);
    case "call":
      walk.jumps++;
      return void stepCall(walk, slot, op);
    case "exit":
      walk.jumps++;
      return stepExit(walk);
    case "lddw":
      return void stepWide(walk, slot, op);
    case "raw":
      return rejectRaw(slot);
    case "lddw-tail":
      invariant(false, "control never enters the second slot of a 64-bit load");
      return undefined;
    default:
      return assertNever(op);
  }
};

/** Walks one instruction of the current path: changes the state, moves the pc, queues branches; rejects by throwing. */
export const walkInstruction = (walk: Walk): "path ends" | undefined => {
  const { pc, state, stackLiveness } = walk;
  const depth = state.frames.length;
  stackLiveness.begin(state);
  const end = step(walk);
  // A call's accesses are those of what it calls; they are noted when that returns.
  if (state.frames.length === depth) stackLiveness.commit(pc);
  else stackLiveness.forgetCurrent();
  return end;
};
