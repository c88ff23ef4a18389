import type { Judgement, Ours } from "./judgement.js";

/** What the kernel said about one program. */
export interface KernelVerdict {
  /** `accept`, `reject`, or why there is no verdict. */
  readonly verdict: string;
  readonly messages: readonly string[];
  /** Of the messages only the last one was recorded, or none. */
  readonly lastMessageOnly?: boolean;
  /** Instructions that it walked. */
  readonly instructions: number | null;
  /** What decided in place of the program, where that is so. */
  readonly environment?: string | undefined;
}

/** One program, both verdicts: a line of `--details`. */
export interface Outcome {
  readonly id: number | string;
  readonly object: string;
  readonly program: string;
  readonly kernel: string;
  readonly ours: Ours;
  readonly code: string | null;
  readonly message: string | null;
  readonly kernelMessage: string | null;
  /** Whether both say the same, as far as it was recorded; `null` where nothing was. */
  readonly sameMessage: boolean | null;
  readonly insns: number | null;
  readonly ourInsns: number;
  /** Microseconds. */
  readonly us: number;
  /** What decided in place of the program; absent for verdicts. */
  readonly environment?: string;
}

/** Lines of a log that say something of the program and not of its source or its signature. */
const comparable = (messages: readonly string[]): string[] =>
  messages.filter((line) => !/^(;|arg#|Global function )/.test(line));

/** Whether both said the same, line for line. */
const messagesAgree = ({ messages, lastMessageOnly = false }: KernelVerdict, message: string): boolean | null => {
  if (lastMessageOnly && messages.length === 0) return null;
  const [theirs, ours] = [comparable(messages), comparable(message.split("\n"))];
  return (lastMessageOnly ? ours.slice(-1) : ours).join("\n") === theirs.join("\n");
};

/** Puts both sides together. */
export const outcomeOf = (
  identity: Pick<Outcome, "id" | "object" | "program">,
  kernel: KernelVerdict,
  judgement: Judgement,
): Outcome => ({
  ...identity,
  kernel: kernel.verdict,
  ours: judgement.ours,
  code: judgement.code ?? null,
  message: judgement.message ?? null,
  kernelMessage: kernel.messages.length === 0 ? null : comparable(kernel.messages).join("\n"),
  sameMessage: messagesAgree(kernel, judgement.message ?? ""),
  insns: kernel.instructions,
  ourInsns: judgement.instructions,
  us: judgement.us,
  ...(kernel.environment !== undefined && { environment: kernel.environment }),
});

/** How a program counts; every one in exactly one way. What is ours to answer for comes before the environment. */
export type Class = "agree" | "falseAccept" | "falseReject" | "unsupported" | "crashed" | "timeout" | "environment";

export const classOf = ({ kernel, ours, environment }: Outcome): Class => {
  if (ours === "crashed" || ours === "timeout") return ours;
  if (ours === "unsupported" || ours === "unreadable") return "unsupported";
  if (environment !== undefined) return "environment";
  if (ours === kernel) return "agree";
  return ours === "accept" ? "falseAccept" : "falseReject";
};

/** The counts. All classes together are `total`. */
export type Summary = Readonly<Record<"total" | Class | "messageAgree" | "rejectsCompared" | "skipped", number>>;

/**
 * Counts outcomes.
 *
 * @param skipped rows that had no verdict to compare with
 */
export const summarize = (outcomes: readonly Outcome[], skipped: number): Summary => {
  const classes = outcomes.map(classOf);
  const count = (wanted: Class): number => classes.filter((name) => name === wanted).length;
  const bothReject = outcomes.filter(({ ours }, i) => ours === "reject" && classes[i] === "agree");
  const compared = bothReject.filter(({ sameMessage }) => sameMessage !== null);
  return {
    total: outcomes.length,
    agree: count("agree"),
    falseAccept: count("falseAccept"),
    falseReject: count("falseReject"),
    unsupported: count("unsupported"),
    crashed: count("crashed"),
    timeout: count("timeout"),
    messageAgree: compared.filter(({ sameMessage }) => sameMessage).length,
    rejectsCompared: compared.length,
    environment: count("environment"),
    skipped,
  };
};
