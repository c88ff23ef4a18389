import { returnFromLocal } from "../call/local.js";
import { checkNothingHeld } from "../call/resources.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { isScalar, kindName } from "../state/register.js";
import type { Walk } from "../walk.js";

const describeRange = (min: W.Word, max: W.Word): string => {
  const parts = [
    W.equal(min, W.SIGNED_MIN) ? undefined : `smin=${W.toSignedBigInt(min)}`,
    W.equal(max, W.SIGNED_MAX) ? undefined : `smax=${W.toSignedBigInt(max)}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "unknown scalar value" : parts.join(" ");
};

/** r0 is a number in a range. */
const checkRange = (walk: Walk, where: string, [least, most]: readonly [number, number]): void => {
  const result = walk.read(0);
  if (!isScalar(result)) {
    reject("BAD_EXIT_VALUE", `${where} the register R0 is not a known value (${kindName(result)})`, 0);
  }
  walk.markPrecise(0);
  const { min, max } = result.value.s64;
  if (W.less(min, W.fromInt32(least)) || W.less(W.fromInt32(most), max)) {
    const found = describeRange(min, max);
    reject("BAD_EXIT_VALUE", `${where} the register R0 has ${found} should have been in [${least}, ${most}]`, 0);
  }
};

/** r0 is what the program type lets programs return. */
const checkExitValue = (walk: Walk): void => {
  walk.read(0);
  const { attachType } = walk.program.spec;
  const rule = walk.program.rules.exit?.find(
    ({ attachTypes }) => attachTypes === undefined || (attachType !== undefined && attachTypes.includes(attachType)),
  );
  if (rule !== undefined) checkRange(walk, "At program exit", rule.range);
};

/** A global function gives its callers a number. */
const checkGlobalResult = (walk: Walk): void => {
  const result = walk.read(0);
  if (isScalar(result)) return;
  reject("BAD_EXIT_VALUE", `At subprogram exit the register R0 is not a scalar value (${kindName(result)})`, 0);
};

/** What an exception callback returns is what the program returns. */
const isGlobalFunction = ({ state, program }: Walk): boolean => {
  const { index, exceptionCallback } = program.subprograms[state.frame.subprogram]!;
  return index > 0 && !exceptionCallback;
};

/** Leaves a function. Leaving the entry ends the path. */
export const stepExit = (walk: Walk): "path ends" | undefined => {
  if (walk.state.frames.length > 1) {
    returnFromLocal(walk);
    return undefined;
  }
  checkNothingHeld(walk, "BPF_EXIT instruction in main prog");
  if (walk.state.frame.asyncEntries > 0) checkRange(walk, "At async callback return", [0, 0]);
  else if (isGlobalFunction(walk)) checkGlobalResult(walk);
  else checkExitValue(walk);
  return "path ends";
};
