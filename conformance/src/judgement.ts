import { linuxRecorder, type ProgramSpec } from "@ebpf/platform";
import { type VerifyOptions, verify } from "@ebpf/verifier";

/** What became of a program here. `unreadable`: its object, or it, couldn't be had from the file. */
export type Ours = "accept" | "reject" | "unsupported" | "unreadable" | "crashed" | "timeout";

/** Our side of a comparison. */
export interface Judgement {
  readonly ours: Ours;
  /** Why it wasn't accepted. */
  readonly code?: string;
  readonly message?: string;
  /** Instructions that were walked. */
  readonly instructions: number;
  /** Microseconds that `verify` took. */
  readonly us: number;
}

/** The judgement on something that never got as far as verification. */
export const unverified = (ours: Ours, message: string, code?: string): Judgement => ({
  ours,
  ...(code !== undefined && { code }),
  message,
  instructions: 0,
  us: 0,
});

/** What an exception says of itself. */
export const describeCrash = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** Verifies a program for the machine that the corpora were recorded on. A crash is a finding, and never thrown. */
export const judge = (
  spec: ProgramSpec,
  options: Pick<VerifyOptions, "maxInstructions" | "selfCheck"> = {},
): Judgement => {
  const started = performance.now();
  try {
    const { verdict, rejection, statistics } = verify(spec, { platform: linuxRecorder, ...options });
    const us = Math.round((performance.now() - started) * 1000);
    const cost = { instructions: statistics.processedInstructions, us };
    if (rejection === undefined) return { ours: verdict, ...cost };
    const { code, message } = rejection;
    return { ours: code.startsWith("UNSUPPORTED_") ? "unsupported" : "reject", code, message, ...cost };
  } catch (error) {
    return unverified("crashed", describeCrash(error));
  }
};
