import type { Subprogram } from "../program/program.js";
import { reject } from "../report/reject.js";
import type { Walk } from "../walk.js";

/** There is a frame left for the function that is about to be entered. */
export const checkDepth = ({ state, platform }: Walk, callee: Subprogram): void => {
  const { frames } = state;
  if (frames.length < platform.limits.frames) return;
  const code = frames.some(({ subprogram }) => subprogram === callee.index) ? "RECURSION" : "CALL_DEPTH";
  reject(code, `the call stack of ${frames.length + 1} frames is too deep`);
};
