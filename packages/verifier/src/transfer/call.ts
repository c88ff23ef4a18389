import type { CallOperation, CallTarget, Instruction } from "@ebpf/asm";
import { callHelper } from "../call/helper.js";
import { callLocal } from "../call/local.js";
import { reject } from "../report/reject.js";
import type { Walk } from "../walk.js";

const CALLS: Readonly<Record<CallTarget, (walk: Walk, slot: Instruction) => void>> = {
  helper: callHelper,
  local: callLocal,
  kfunc: () => reject("UNSUPPORTED_KFUNC", "kernel functions are not modelled yet"),
  register: () => reject("REGISTER_CALL", "unknown opcode 8d"),
};

export const stepCall = (walk: Walk, slot: Instruction, op: CallOperation): void => {
  walk.jumps++;
  CALLS[op.target](walk, slot);
};
