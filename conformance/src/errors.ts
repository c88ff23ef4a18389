import { EbpfError } from "@ebpf/core";

export type ConformanceErrorCode =
  | "USAGE" // arguments that the command does not have
  | "NOT_FOUND" // a folder or file that is not there
  | "BAD_CASE"; // a test case that does not follow its format

/** What a caller of the conformance runners did wrong. */
export class ConformanceError extends EbpfError<ConformanceErrorCode> {
  override readonly name = "ConformanceError";

  constructor(code: ConformanceErrorCode, message: string, hint?: string) {
    super(code, message, hint === undefined ? {} : { hint });
  }
}
