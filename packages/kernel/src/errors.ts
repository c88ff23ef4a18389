import { EbpfError } from "@ebpf/core";
import { errorName } from "./errno.js";

/** Stable codes of `KernelError`. */
export type KernelErrorCode =
  | "UNAVAILABLE" // bpf(2) can't be used here; the message says what is missing
  | "BAD_OPTION" // an argument that no kernel would take
  | "TOO_LONG" // more instructions than the caller allowed
  | "UNSUPPORTED" // what this package doesn't do, such as types of kernel modules
  | "MAP_CREATE" // the kernel made no map of that description
  | "MAP_ACCESS" // the kernel refused to read or change an element
  | "BTF_LOAD" // the kernel refused the types
  | "TEST_RUN" // the kernel didn't run the program
  | "CLOSED"; // a program, map or kernel that was disposed of

/** What went wrong between the caller and the kernel. A program that the verifier rejects is a result, not an error. */
export class KernelError extends EbpfError<KernelErrorCode> {
  override readonly name = "KernelError";

  /** The system call's error number, where the kernel gave one. */
  readonly errno: number | undefined;
  /** Its name, such as `EINVAL`. */
  readonly errorName: string | undefined;
  /** What the kernel wrote about it, such as the log of its BTF checks. */
  readonly log: string;

  constructor(code: KernelErrorCode, problem: string, details: KernelErrorDetails = {}) {
    const { errno, log = "", hint } = details;
    const name = errno === undefined ? undefined : errorName(errno);
    super(code, name === undefined ? problem : `${problem}: ${name}`, hint === undefined ? {} : { hint });
    this.errno = errno;
    this.errorName = name;
    this.log = log;
  }
}

interface KernelErrorDetails {
  readonly errno?: number;
  readonly log?: string;
  readonly hint?: string;
}
