/** What the verifier says it cost, as far as its log has it. */
export interface LoadStatistics {
  readonly processedInstructions: number;
  readonly maxStatesPerInstruction: number;
  readonly totalStates: number;
  readonly peakStates: number;
  /** Only kernels that count marks of liveness along chains of states say it. */
  readonly markRead?: number;
  /** Microseconds. */
  readonly verificationTime?: number;
  /** Bytes of stack by subprogram. */
  readonly stackDepths?: readonly number[];
}

/** The text before the first zero byte. */
export const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

const SUMMARY =
  /^processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+)(?: mark_read (\d+))?$/m;

/** Reads the statistics at the end of a log; `undefined` when there are none: the verifier didn't get to work then. */
export const statisticsOf = (log: string): LoadStatistics | undefined => {
  // They are the last lines of a log that may have megabytes.
  const tail = log.slice(-4096);
  const summary = SUMMARY.exec(tail);
  if (summary === null) return undefined;
  const [, processed, perInstruction, total, peak, markRead] = summary;
  const time = /^verification time (\d+) usec$/m.exec(tail)?.[1];
  const depths = /^stack depth ([\d+]+)$/m.exec(tail)?.[1];
  return {
    processedInstructions: Number(processed),
    maxStatesPerInstruction: Number(perInstruction),
    totalStates: Number(total),
    peakStates: Number(peak),
    ...(markRead !== undefined && { markRead: Number(markRead) }),
    ...(time !== undefined && { verificationTime: Number(time) }),
    ...(depths !== undefined && { stackDepths: depths.split("+").map(Number) }),
  };
};
