/** What the command line's exit codes mean; documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** The verifier rejected a program. */
  rejected: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** A file, packet or text could not be read or understood. */
  badInput: 3,
  /** A program that ran unverified did something forbidden, or needed what this runtime does not have. */
  fault: 4,
  /** A bug of ours. */
  internal: 70,
} as const;
