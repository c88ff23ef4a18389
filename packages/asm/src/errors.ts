import { EbpfError, type ErrorDetails } from "@ebpf/core";

export type AsmErrorCode =
  | "BAD_LENGTH" // the bytes are not a whole number of 8-byte slots
  | "BAD_FIELD" // a field's value does not fit its bits, or an operand is not used by the operation
  | "UNKNOWN_OPERATION" // no operation of that name
  | "SYNTAX" // the text does not parse
  | "UNKNOWN_MNEMONIC" // no operation is written like this in this dialect
  | "OUT_OF_RANGE" // a number does not fit its field
  | "UNDEFINED_SYMBOL" // a label or name that is not defined
  | "DUPLICATE_SYMBOL" // a label defined twice
  | "CPU_VERSION"; // the operation is newer than the version asked for

/** A text or a value that is no valid eBPF instruction. `place` holds line and column, `text` what stands there. */
export class AsmError extends EbpfError<AsmErrorCode> {
  override readonly name = "AsmError";

  /** The offending piece of the input. */
  readonly text: string | undefined;

  constructor(code: AsmErrorCode, message: string, details: ErrorDetails & { readonly text?: string } = {}) {
    super(code, message, details);
    this.text = details.text;
  }
}
