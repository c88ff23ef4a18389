import { EbpfError } from "@ebpf/core";

/** Stable codes of `BtfError`. */
export type BtfErrorCode =
  | "NO_SUCH_TYPE" // a type id that the BTF does not have
  | "INCOMPLETE_TYPE" // a type without a size (void, a declaration, a function) where one is needed
  | "TOO_DEEP" // types that nest too deeply, or contain themselves
  | "LIMIT" // a type so large that it can't be meant
  | "UNSUPPORTED" // a type whose values have no JavaScript counterpart
  | "UNENCODABLE" // a type that the format has no room for
  | "VALUE_TYPE" // a JavaScript value of the wrong kind
  | "VALUE_RANGE" // a number or text that does not fit
  | "VALUE_SIZE" // fewer bytes than the type takes, or the wrong number of elements
  | "BAD_RELOCATION" // a CO-RE relocation that its own BTF or instruction contradicts
  | "AMBIGUOUS_RELOCATION"; // types of the target that disagree about what a CO-RE relocation means

/** Where a type is. */
export interface TypePlace {
  /** Such as `.BTF/types[17]`. */
  readonly path: string;
  /** Bytes from the start of the outermost input; absent for types that no bytes were decoded to. */
  readonly offset?: number;
}

/** A question or a value that doesn't fit the types. Bytes that aren't BTF give a `MalformedError` instead. */
export class BtfError extends EbpfError<BtfErrorCode> {
  override readonly name = "BtfError";

  /** Where in the value, such as `event.comm[3]`, or which type, such as `.BTF/types[17]`; empty where neither is meant. */
  readonly path: string;
  /** Of a type: bytes from the start of the outermost input. */
  readonly offset: number | undefined;

  constructor(code: BtfErrorCode, problem: string, place: string | TypePlace = "") {
    const { path, offset }: TypePlace = typeof place === "string" ? { path: place } : place;
    super(code, path === "" ? problem : `${path}: ${problem}`);
    this.path = path;
    this.offset = offset;
  }
}
