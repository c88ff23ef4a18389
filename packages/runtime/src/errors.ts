import { EbpfError, type ErrorDetails } from "@ebpf/core";

export type RuntimeErrorCode =
  | "LIMIT" // the runtime's memory is used up
  | "BAD_MAP" // a map's description contradicts its type
  | "UNSUPPORTED_MAP" // a map type that has no implementation
  | "UNKNOWN_MAP" // a program refers to a map that it does not have
  | "BAD_LENGTH" // a key or value of the wrong length
  | "BAD_OPERATION" // an operation that this type of map does not have
  | "BAD_PROGRAM" // a program that no engine can take
  | "BAD_INPUT"; // input of a run that the program's type does not take, or that is too large

/** What a caller of the runtime did wrong. */
export class RuntimeError extends EbpfError<RuntimeErrorCode> {
  override readonly name = "RuntimeError";

  constructor(code: RuntimeErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}

export type FaultCode =
  | "MEMORY_FAULT" // an access outside of the memory that the program was given
  | "BUDGET_EXCEEDED" // more instructions than the run may take
  | "CALL_DEPTH" // more nested calls than there are stack frames
  | "BAD_INSTRUCTION" // an unknown instruction, or a jump to where none begins
  | "BAD_CALL" // a call with an argument of the wrong kind, or to no function
  | "UNSUPPORTED_HELPER" // a helper or kernel function without an implementation here
  | "UNSUPPORTED_INSTRUCTION"; // refers to something that the runtime does not have, such as a kernel symbol

/** A run that was ended because of what the program did. */
export class RuntimeFault extends EbpfError<FaultCode> {
  override readonly name = "RuntimeFault";

  /** Slot index of the instruction at fault, where it is known. */
  readonly pc: number | undefined;

  constructor(code: FaultCode, message: string, pc?: number, details: ErrorDetails = {}) {
    super(code, pc === undefined ? message : `${message} (at pc ${pc})`, details);
    this.pc = pc;
  }
}
