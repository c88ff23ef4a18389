import { EbpfError, type ErrorDetails } from "@ebpf/core";

export type JitErrorCode =
  | "TOO_LARGE" // a function becomes larger than WebAssembly engines take
  | "UNSUPPORTED" // what a stand-alone module, or a back end, cannot do
  | "NO_BINARYEN"; // the optional package binaryen isn't installed

/** A program that cannot be compiled. */
export class JitError extends EbpfError<JitErrorCode> {
  override readonly name = "JitError";

  constructor(code: JitErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
