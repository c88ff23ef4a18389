/** A place in a text that a person wrote: assembly, C source, a file. Lines and columns count from 1. */
export interface SourcePlace {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** What every typed error may say beside its message. */
export interface ErrorDetails {
  /** The place in the user's source, where it is known. */
  readonly place?: SourcePlace;
  /** What would mend it, in one sentence. */
  readonly hint?: string;
  /** The lower error this one came from. */
  readonly cause?: unknown;
}

/** Shared by all copies of this module that a process has, because bundles carry their own. */
const IS_EBPF_ERROR = Symbol.for("@ebpf/core error");

/**
 * The base of every failure that a user can cause. `code` is stable and append-only; tools match on it and never on the
 * message. Each package has its own subclass with its own union of codes.
 */
export abstract class EbpfError<Code extends string = string> extends Error {
  /** The name of the class, written out: minifiers shorten names of classes. */
  abstract override readonly name: string;
  readonly code: Code;
  readonly place: SourcePlace | undefined;
  readonly hint: string | undefined;

  protected constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.place = details.place;
    this.hint = details.hint;
  }

  get [IS_EBPF_ERROR](): true {
    return true;
  }
}

/** True for every failure that the user's input caused, whichever copy of this package threw it; false for bugs of ours. */
export const isEbpfError = (error: unknown): error is EbpfError =>
  typeof error === "object" && error !== null && IS_EBPF_ERROR in error;

/** "This is our bug": a state that the code promised cannot be. Never thrown because of bad input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Asserts what the code itself guarantees.
 *
 * @throws InvariantError when the guarantee is broken, which is a bug of ours.
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Ends an exhaustive `switch`: a case that is added later does not compile until it is handled. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}
