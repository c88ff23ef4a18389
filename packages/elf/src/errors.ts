import { EbpfError, type ErrorDetails } from "@ebpf/core";

/** Stable codes of `ElfError`. */
export type ElfErrorCode =
  | "NOT_ELF" // the bytes don't begin like an ELF file
  | "WRONG_CLASS" // not a 64-bit file
  | "WRONG_MACHINE" // a file for another machine than BPF
  | "WRONG_TYPE" // an executable or library instead of a relocatable object
  | "BAD_SECTION" // a section whose size, link or content can't be
  | "BAD_SYMBOL" // a symbol that points to where nothing can be
  | "BAD_RELOCATION" // a relocation of an instruction or symbol that it doesn't fit
  | "BAD_CALL" // a call that leaves its section
  | "BAD_MAP" // a map definition that doesn't say what is needed, or says something unknown
  | "UNDEFINED_SYMBOL" // something that is declared but defined nowhere
  | "UNKNOWN_SECTION" // a reference into a section that is neither code nor maps nor data
  | "LIMIT" // more than the reader agreed to build
  | "UNSUPPORTED_RELOCATION" // a relocation that is not known here
  | "UNSUPPORTED_EXTERN" // a kernel symbol, function or configuration value
  | "UNSUPPORTED_CORE_RELOCATION"; // code that has to be adapted to the kernel's types

/** An object file that can't be loaded, or a program in it. Bytes that break off give a `MalformedError` instead. */
export class ElfError extends EbpfError<ElfErrorCode> {
  constructor(code: ElfErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
