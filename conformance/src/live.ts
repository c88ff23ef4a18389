import { type Kernel, KernelError, type LoadResult } from "@ebpf/kernel";
import type { ProgramSpec } from "@ebpf/platform";
import { environmentOf } from "./environment.js";
import type { KernelVerdict } from "./outcome.js";

/** Lines of the verifier's log that count what it did. */
const STATISTICS = /^(processed \d+ insns|verification time |stack depth )/;

const messagesOf = ({ log }: LoadResult): string[] =>
  log.split("\n").filter((line) => line !== "" && !STATISTICS.test(line));

/**
 * What the running kernel says about a program. Whatever ends before verification is the environment's doing.
 *
 * @param withoutContent names of maps of constants whose content isn't known
 */
export const liveVerdict = (
  kernel: Kernel,
  spec: ProgramSpec,
  withoutContent: readonly string[] = [],
): KernelVerdict => {
  try {
    const result = kernel.load(spec);
    const { accepted, errno, stats } = result;
    const messages = messagesOf(result);
    const instructions = stats?.processedInstructions ?? null;
    if (accepted) return { verdict: "accept", messages, instructions };
    const environment = environmentOf({ errno, messages, type: spec.type, missingMaps: new Set(), withoutContent });
    return { verdict: "reject", messages, instructions, environment };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { verdict: error.code, messages: [], instructions: null, environment: error.message };
  }
};
