import type { CallOperation, CallTarget, Instruction } from "@ebpf/asm";
import { invariant } from "@ebpf/core";
import { callHelper } from "../call/helper.js";
import { callLocal } from "../call/local.js";
import type { Walk } from "../walk.js";

/** `program/encoding.ts` refuses such calls wherever they stand. */
const refusedBefore = (): void => invariant(false, "a call that is refused before the walk");

const CALLS: Readonly<Record<CallTarget, (walk: Walk, slot: Instruction) => void>> = {
  helper: callHelper,
  local: callLocal,
  kfunc: refusedBefore,
  register: refusedBefore,
};

export const stepCall = (walk: Walk, slot: Instruction, op: CallOperation): void => {
  CALLS[op.target](walk, slot);
};
