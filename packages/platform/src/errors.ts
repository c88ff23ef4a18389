import { EbpfError } from "@ebpf/core";

/** Stable codes of `PlatformError`. */
export type PlatformErrorCode =
  | "BAD_NAME" // a name that can't be one, that is Linux's, or that is there twice
  | "BAD_CONTEXT" // fields that overlap, lie outside of the context, or that no runtime can fill
  | "BAD_PROGRAM_TYPE" // rules that contradict each other
  | "BAD_HELPER" // arguments or a result that no program could pass or use, or that no verifier could check
  | "DUPLICATE_HELPER" // two helpers with one number
  | "UNKNOWN_NAME" // a helper, type of program or type of map that nobody defines
  | "BAD_MAP_TYPE" // a type of map that no runtime could keep
  | "BAD_LIMIT"; // a limit beyond what the engines keep to

/** Parts of a platform that don't fit together. */
export class PlatformError extends EbpfError<PlatformErrorCode> {
  override readonly name = "PlatformError";

  constructor(code: PlatformErrorCode, message: string, hint?: string) {
    super(code, message, hint === undefined ? {} : { hint });
  }
}
