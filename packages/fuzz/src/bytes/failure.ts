import { isEbpfError } from "@ebpf/core";
import type { ByteTarget } from "./targets.js";

/** How a parser failed where it must not. */
export interface Failure {
  readonly key: string;
  readonly detail: string;
}

const failureOf = (error: unknown): Failure => {
  if (!(error instanceof Error)) return { key: "threw what is no error", detail: String(error) };
  const place = /\(?([\w./-]+):\d+:\d+\)?$/.exec(error.stack?.split("\n").find((line) => /^\s+at /.test(line)) ?? "");
  const message = error.message.replace(/\d+/g, "N").slice(0, 80);
  const where = place?.[1]?.split("/").at(-1) ?? "unknown place";
  return { key: `${error.name}: ${message} in ${where}`, detail: error.stack ?? error.message };
};

/** Bytes outside of the heap that one run may still hold when it ends. */
const MAX_BUFFERS = 256 << 20;

/** Runs a parser. Values and typed errors are fine, everything else is a failure. */
export const failureOn = ({ run }: ByteTarget, input: Uint8Array): Failure | undefined => {
  try {
    run(input);
  } catch (error) {
    if (!isEbpfError(error)) return failureOf(error);
  }
  return undefined;
};

/** A failure when a slow run has left more in buffers than an input can be worth. */
export const memoryFailure = (): Failure | undefined => {
  const { arrayBuffers } = process.memoryUsage();
  if (arrayBuffers <= MAX_BUFFERS) return undefined;
  return { key: "more than 256 MB in buffers", detail: `${arrayBuffers >> 20} MB in buffers after the run` };
};
