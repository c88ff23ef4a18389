import { returnFromLocal } from "../call/local.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { isScalar, kindName } from "../state/register.js";
import type { Walk } from "../walk.js";

/** Nothing that was acquired may be left. */
const checkNothingHeld = (walk: Walk): void => {
  const { references } = walk.state;
  if (references.length === 0) return;
  const leaks = references.map(({ id, pc }) => `Unreleased reference id=${id} alloc_insn=${pc}`);
  reject("REFERENCE_LEAK", [...leaks, "BPF_EXIT instruction in main prog would lead to reference leak"].join("\n"));
};

const describeRange = (min: W.Word, max: W.Word): string => {
  const parts = [
    W.equal(min, W.SIGNED_MIN) ? undefined : `smin=${W.toSignedBigInt(min)}`,
    W.equal(max, W.SIGNED_MAX) ? undefined : `smax=${W.toSignedBigInt(max)}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "unknown scalar value" : parts.join(" ");
};

/** r0 is what the program type lets programs return. */
const checkExitValue = (walk: Walk): void => {
  const result = walk.read(0);
  const { attachType } = walk.program.spec;
  const rule = walk.program.rules.exit?.find(
    ({ attachTypes }) => attachTypes === undefined || (attachType !== undefined && attachTypes.includes(attachType)),
  );
  if (rule === undefined) return;
  if (!isScalar(result)) {
    reject("BAD_EXIT_VALUE", `At program exit the register R0 is not a known value (${kindName(result)})`, 0);
  }
  walk.markPrecise(0);
  const { min, max } = result.value.s64;
  const [least, most] = rule.range;
  if (W.less(min, W.fromInt32(least)) || W.less(W.fromInt32(most), max)) {
    const found = describeRange(min, max);
    reject("BAD_EXIT_VALUE", `At program exit the register R0 has ${found} should have been in [${least}, ${most}]`, 0);
  }
};

/** A global function gives its callers a number. */
const checkGlobalResult = (walk: Walk): void => {
  const result = walk.read(0);
  if (isScalar(result)) return;
  reject("BAD_EXIT_VALUE", `At subprogram exit the register R0 is not a scalar value (${kindName(result)})`, 0);
};

/** Leaves a function. Leaving the entry ends the path. */
export const stepExit = (walk: Walk): "path ends" | undefined => {
  if (walk.state.frames.length > 1) {
    returnFromLocal(walk);
    return undefined;
  }
  checkNothingHeld(walk);
  if (walk.state.frame.subprogram > 0) checkGlobalResult(walk);
  else checkExitValue(walk);
  return "path ends";
};
