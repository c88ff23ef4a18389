import { linuxRecorder, type ProgramSpec } from "@ebpf/platform";
import { type Report, type VerifyOptions, verify } from "@ebpf/verifier";

/** Milliseconds that our verifier may take. */
const TIME_LIMIT = 3000;
/** Instructions to walk at most; the kernel can't be stopped, so programs that need more are not loaded. */
const MAX_WALK = 100_000;

/** Our verdict on a program, for a machine like this one and within limits; beyond them it is `ABORTED` or too large. */
export const judge = (spec: ProgramSpec, options: VerifyOptions = {}): Report => {
  const started = performance.now();
  return verify(spec, {
    platform: linuxRecorder,
    maxInstructions: MAX_WALK,
    shouldAbort: () => performance.now() - started > TIME_LIMIT,
    ...options,
  });
};
