import { ByteReader, EbpfError, type ErrorDetails } from "@ebpf/core";

/** Stable codes of `ElfError`. */
export type ElfErrorCode =
  | "NO_BTF" // an ELF file without types where types are wanted
  | "NOT_ELF" // the bytes don't begin like an ELF file
  | "WRONG_CLASS" // not a 64-bit file
  | "WRONG_MACHINE" // a file for another machine than BPF
  | "WRONG_TYPE" // an executable or library instead of a relocatable object
  | "BAD_SECTION" // a section whose size, link or content can't be
  | "BAD_SYMBOL" // a symbol that points to where nothing can be
  | "BAD_RELOCATION" // a relocation of an instruction or symbol that it doesn't fit
  | "BAD_JUMP_TABLE" // a table of jumps that lead nowhere in their function
  | "BAD_CALL" // a call that leaves its section
  | "BAD_MAP" // a map definition that doesn't say what is needed, or says something unknown
  | "UNDEFINED_SYMBOL" // something that is declared but defined nowhere
  | "UNKNOWN_SECTION" // a reference into a section that is neither code nor maps nor data
  | "LIMIT" // more than the reader agreed to build
  | "UNSUPPORTED_RELOCATION" // a relocation that is not known here
  | "BAD_EXTERN" // a declaration of something of the kernel that can't be, or does not fit what the kernel has
  | "UNRESOLVED_EXTERN" // a kernel symbol, function or configuration value that isn't given or that the kernel lacks
  | "NO_ATTACH_TARGET" // a program for a function or event that the kernel lacks
  | "NO_KERNEL_TYPES" // code that has to be adapted to the kernel's types, without a kernel's BTF
  | "BAD_CORE_RELOCATION"; // code that can't be adapted to the kernel's types; the cause says why

/** Where in the file the problem is, and in the source where that is known. */
export interface ElfErrorDetails extends ErrorDetails {
  /** Leads into the file, such as `prog.o/.symtab[3]`. */
  readonly path?: string;
  /** Bytes from the start of the file. */
  readonly offset?: number;
}

/** An object file that can't be loaded, or a program in it. Bytes that break off give a `MalformedError` instead. */
export class ElfError extends EbpfError<ElfErrorCode> {
  override readonly name = "ElfError";

  readonly path: string | undefined;
  readonly offset: number | undefined;

  constructor(code: ElfErrorCode, message: string, details: ElfErrorDetails | ByteReader = {}) {
    const { path, offset, ...rest } = details instanceof ByteReader ? placeIn(details) : details;
    super(code, path === undefined ? message : `${path}: ${message}`, rest);
    this.path = path;
    this.offset = offset;
  }
}

const placeIn = ({ path, base }: ByteReader): ElfErrorDetails => ({ path, offset: base });
