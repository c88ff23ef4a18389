import { EbpfError } from "@ebpf/core";
import { placeOfLine } from "@ebpf/platform";
import { type Diagnostic, type Report, renderDiagnostic } from "@ebpf/verifier";

export type LoadErrorCode =
  | "NO_PROGRAM" // the object has no program of that name, or none at all
  | "NO_MAP" // the object has no map of that name
  | "NO_VARIABLE" // no global variable of that name
  | "BAD_BYTE_ORDER" // a big-endian program can't run: WebAssembly's memory is little-endian
  | "NO_TYPE" // a value's type is not known
  | "NOT_VERIFIED"; // what only a verified program can be used for

/** What was asked of an object does not fit what is in it. */
export class LoadError extends EbpfError<LoadErrorCode> {
  override readonly name = "LoadError";

  constructor(code: LoadErrorCode, message: string, hint?: string) {
    super(code, message, hint === undefined ? {} : { hint });
  }
}

/** A program that the verifier rejected. `report` has everything that is known of why. */
export class VerificationError extends EbpfError<"REJECTED"> {
  override readonly name = "VerificationError";

  readonly program: string;
  readonly report: Report;
  readonly rejection: Diagnostic;

  constructor(program: string, report: Report, rejection: Diagnostic) {
    super("REJECTED", `${program} was rejected: ${rejection.message.replaceAll("\n", "; ")}`, {
      hint: rejection.hint,
      ...(rejection.source === undefined ? {} : { place: placeOfLine(rejection.source) }),
    });
    this.program = program;
    this.report = report;
    this.rejection = rejection;
  }

  /** The rejection as text for a terminal. */
  render(): string {
    return renderDiagnostic(this.rejection);
  }
}
