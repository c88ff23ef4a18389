import type { CallbackParameter, HelperPrototype } from "@ebpf/platform";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { isNull, isScalar, pointerRegister, type Register, UNKNOWN_SCALAR } from "../state/register.js";
import { FRAME_POINTER, Frame, State } from "../state/state.js";
import type { Walk } from "../walk.js";
import type { Arguments } from "./arguments.js";
import { checkDepth } from "./depth.js";

/*
 * A helper that calls back any number of times is a loop whose head is the call: either the callback runs once and the
 * call is walked again with what the callback left, or the helper returns. The loop's rounds are widened, and a round
 * that allows nothing new ends its path: the helper itself bounds how often it calls.
 */

/** The callback's arguments, as the helper will pass them. */
const parameterValue = (
  walk: Walk,
  helper: HelperPrototype,
  given: Arguments,
  parameter: CallbackParameter,
): Register => {
  const { map, mapId } = given;
  switch (parameter) {
    case "scalar":
      return UNKNOWN_SCALAR;
    case "map":
      return pointerRegister("map_ptr", { map, mapId });
    case "map_key":
      return pointerRegister("map_key", { map, mapId });
    case "map_value":
      return pointerRegister("map_value", { map, mapId });
    case "dynptr":
      return pointerRegister("dynptr_ptr", { dynptr: "local", firstSlot: true, id: walk.newId() });
    case "context": {
      const index = helper.arguments.findIndex(({ kind }) => kind === "stack_or_null");
      return walk.state.register(index + 1);
    }
  }
};

const callee = (walk: Walk, helper: HelperPrototype): number => {
  const index = helper.arguments.findIndex(({ kind }) => kind === "function");
  return walk.read(index + 1).subprogram;
};

/** bpf_loop's flags. */
const LOOP_FLAGS = 4;

/** The most rounds that the helper will do. */
const roundLimit = (walk: Walk, { callbackLimit }: HelperPrototype): number =>
  callbackLimit === undefined
    ? Number.POSITIVE_INFINITY
    : W.toUnsignedNumber(walk.read(callbackLimit + 1).value.u64.max);

/** Queues one run of the callback; the current path goes on as if the helper returned. */
export const queueCallback = (walk: Walk, helper: HelperPrototype, given: Arguments): void => {
  if (helper.callback === undefined) return;
  const subprogram = walk.program.subprograms[callee(walk, helper)]!;
  const { frames, frame: caller } = walk.state;
  walk.facts.callsBack(walk.pc, subprogram.start);
  if (helper.callbackLimit !== undefined) {
    // Linux can turn the loop into code of its own when the flags are always 0.
    if (isNull(walk.state.register(LOOP_FLAGS))) walk.markPrecise(LOOP_FLAGS);
    walk.markPrecise(helper.callbackLimit + 1);
  }
  if (caller.callbackRounds >= roundLimit(walk, helper)) {
    caller.callbackRounds = 0;
    walk.emit?.({ kind: "rounds done", frame: caller.index });
    return;
  }
  checkDepth(walk, subprogram);
  const frame = new Frame(frames.length, subprogram.index, walk.pc, true);
  helper.callback.forEach((parameter, index) => {
    frame.registers[index + 1] = parameterValue(walk, helper, given, parameter);
  });
  frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: frame.index });
  const inside = walk.state.fork();
  inside.frame.callbackRounds++;
  inside.callbackDepth++;
  inside.frames.push(frame);
  walk.branchTo(subprogram.start, inside);
  walk.touched.addAll();
  caller.callbackRounds = 0;
};

/** Queues the walk of a function that will run later, by itself: from a state that holds nothing of this one. */
export const queueAsyncCallback = (walk: Walk, helper: HelperPrototype, given: Arguments): void => {
  if (helper.asyncCallback === undefined) return;
  const subprogram = walk.program.subprograms[callee(walk, helper)]!;
  walk.asyncCallbacks.add(subprogram.index);
  const frame = new Frame(0, subprogram.index, -1);
  frame.asyncEntries = walk.state.frame.asyncEntries + 1;
  helper.asyncCallback.forEach((parameter, index) => {
    frame.registers[index + 1] = parameterValue(walk, helper, given, parameter);
  });
  frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: 0 });
  walk.branchTo(subprogram.start, new State([frame], subprogram.start));
  walk.touched.addAll();
};

/** A callback says 0 to be called again and 1 to stop. */
export const checkCallbackResult = (walk: Walk, result: Register): void => {
  if (!isScalar(result)) {
    reject("BAD_EXIT_VALUE", "At callback return the register R0 is not a known value", 0);
  }
  walk.markPrecise(0);
  const { min, max } = result.value.s64;
  if (!W.less(min, W.ZERO) && !W.less(W.ONE, max)) return;
  const parts = [
    W.equal(min, W.SIGNED_MIN) ? "" : ` smin=${W.toSignedBigInt(min)}`,
    W.equal(max, W.SIGNED_MAX) ? "" : ` smax=${W.toSignedBigInt(max)}`,
  ].join("");
  reject(
    "BAD_EXIT_VALUE",
    `At callback return the register R0 has${parts || " unknown scalar value"} should have been in [0, 1]`,
    0,
  );
};
