import { EbpfError } from "@ebpf/core";

/** A command line that can't be understood. */
export class UsageError extends EbpfError<"USAGE"> {
  override readonly name = "UsageError";

  constructor(message: string, hint?: string) {
    super("USAGE", message, hint === undefined ? {} : { hint });
  }
}
