import { type Instruction, targetOf } from "@ebpf/asm";
import { widen } from "../prune/widen.js";
import { reject } from "../report/reject.js";
import { pointerRegister } from "../state/register.js";
import { FRAME_POINTER, Frame } from "../state/state.js";
import type { Walk } from "../walk.js";
import { checkCallbackResult } from "./callback.js";
import { clobber } from "./clobber.js";
import { checkDepth } from "./depth.js";
import { callGlobal } from "./global.js";

const FIRST_ARGUMENT = 1;
const LAST_ARGUMENT = 5;

/** A call of one of the program's own functions: it is walked as part of the caller's path. */
export const callLocal = (walk: Walk, slot: Instruction): void => {
  const target = targetOf(slot, walk.pc)!;
  const callee = walk.program.subprogramAt[target]!;
  if (callee.global) {
    callGlobal(walk, callee);
    return;
  }
  const { frames } = walk.state;
  checkDepth(walk, callee);
  const frame = new Frame(frames.length, callee.index, walk.pc);
  for (let register = FIRST_ARGUMENT; register <= LAST_ARGUMENT; register++) {
    frame.registers[register] = walk.state.register(register);
  }
  frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: frame.index });
  clobber(walk);
  frames.push(frame);
  walk.touched.addRegister(0, FRAME_POINTER);
  walk.emit?.({ kind: "call", state: walk.state });
  walk.pc = target;
};

/** A function's return: its frame is gone, and with it every pointer into it. */
export const returnFromLocal = (walk: Walk): void => {
  walk.stackLiveness.update(walk.state);
  const result = walk.state.register(0);
  const { frames } = walk.state;
  if (result.kind === "fp") {
    reject("STACK_POINTER_ESCAPE", "cannot return stack pointer to the caller", 0);
  }
  const done = walk.state.frame;
  if (done.callback) checkCallbackResult(walk, result);
  else frames.at(-2)!.registers[0] = result;
  const from = walk.pc;
  walk.pc = done.callback ? done.callSite : done.callSite + 1;
  walk.emit?.({ kind: "return", state: walk.state, from, to: walk.pc });
  frames.pop();
  if (done.callback) {
    const previous = walk.explored.earlierRound(walk.pc, walk.state, (walk.state.parent?.depth ?? -1) + 1);
    if (previous !== undefined) widen(previous, walk.state);
  }
};
