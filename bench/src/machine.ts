import { cpus, release, totalmem } from "node:os";

/** What a measurement depends on beside our code. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  readonly date: string;
}

export const machineFacts = (): MachineFacts => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.versions.node,
  v8: process.versions.v8,
  date: new Date().toISOString(),
});

export const describeMachine = (facts: MachineFacts): string =>
  `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGiB} GiB, Linux ${facts.kernel}, Node ${facts.node} (V8 ${facts.v8})`;
