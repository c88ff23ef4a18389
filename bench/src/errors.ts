import { EbpfError } from "@ebpf/core";

/** A measurement that can't be made. */
export class BenchError extends EbpfError<"BENCH"> {
  override readonly name = "BenchError";

  constructor(message: string) {
    super("BENCH", message);
  }
}
