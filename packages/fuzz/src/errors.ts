import { EbpfError, type ErrorDetails } from "@ebpf/core";

export type FuzzErrorCode =
  | "BAD_CASE" // a file or value that describes no case
  | "BAD_OPTION" // an option of the runner that has no meaning
  | "FINDING"; // an oracle found a mistake: thrown by `assertAgreement`

/** What a user of the fuzzer did wrong, or what an oracle found. */
export class FuzzError extends EbpfError<FuzzErrorCode> {
  override readonly name = "FuzzError";

  constructor(code: FuzzErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
