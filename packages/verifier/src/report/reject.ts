import type { RejectionCode } from "./codes.js";

/**
 * How a rule says no: thrown inside a step and caught by the walk, which alone knows pc and path. It never leaves the
 * package; `verify` returns a rejection as a value. It is no `Error`, because its stack would never be looked at.
 */
export class Rejection {
  readonly code: RejectionCode;
  /** In the kernel's words, where the kernel has the rule. */
  readonly message: string;
  /** Registers that the rule is about. */
  readonly registers: readonly number[];

  constructor(code: RejectionCode, message: string, registers: readonly number[] = []) {
    this.code = code;
    this.message = message;
    this.registers = registers;
  }
}

/** Ends the step with a rejection. */
export function reject(code: RejectionCode, message: string, ...registers: number[]): never {
  throw new Rejection(code, message, registers);
}
