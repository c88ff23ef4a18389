import type { Reference } from "../state/state.js";
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
  /** What the program holds and the rule is about. */
  readonly held: readonly Reference[];

  constructor(
    code: RejectionCode,
    message: string,
    about: { readonly registers?: readonly number[]; readonly held?: readonly Reference[] } = {},
  ) {
    this.code = code;
    this.message = message;
    this.registers = about.registers ?? [];
    this.held = about.held ?? [];
  }
}

/** Ends the step with a rejection. */
export function reject(code: RejectionCode, message: string, ...registers: number[]): never {
  throw new Rejection(code, message, { registers });
}

/** Ends the step with a rejection that is about what the program holds. */
export function rejectHeld(code: RejectionCode, message: string, held: readonly Reference[]): never {
  throw new Rejection(code, message, { held });
}
