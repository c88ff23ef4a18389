import { type Btf, encodeBtfWithStrings } from "@ebpf/btf";
import { Attributes } from "./attributes.js";
import { Descriptor, type OpenDescriptors } from "./descriptor.js";
import { KernelError } from "./errors.js";
import { textOf } from "./log.js";
import type { System } from "./system.js";

/** Types that the kernel has checked. */
export class KernelBtf extends Descriptor {
  readonly btf: Btf;
  /** Where in the kernel's copy the strings stand that were added for line info. */
  readonly offsets: ReadonlyMap<string, number>;

  /** @internal made by `Kernel.loadBtf` */
  constructor(system: System, open: OpenDescriptors, fd: number, { btf, offsets }: Pick<KernelBtf, "btf" | "offsets">) {
    super(system, open, fd);
    this.btf = btf;
    this.offsets = offsets;
  }
}

/** Bytes of the log of a BTF that is refused; the kernel cuts longer ones and says so with another errno. */
const LOG_SIZE = 1 << 16;

const attributesOf = (bytes: Uint8Array): Attributes<"btfLoad"> =>
  new Attributes("btfLoad").point("btf", bytes).set({ btfSize: bytes.length });

/**
 * Gives types to the kernel.
 *
 * @param texts strings that are to stand among the BTF's, for line info
 * @throws KernelError `BTF_LOAD` with the kernel's errno and log.
 */
export const loadBtf = (system: System, open: OpenDescriptors, btf: Btf, texts: Iterable<string> = []): KernelBtf => {
  const { bytes, offsets } = encodeBtfWithStrings(btf, texts);
  const fd = system.bpf(attributesOf(bytes));
  if (fd >= 0) return new KernelBtf(system, open, fd, { btf, offsets });
  // The log of a BTF that is fine lists every type, so it is asked for only now.
  const log = new Uint8Array(LOG_SIZE);
  const again = system.bpf(attributesOf(bytes).point("logBuffer", log).set({ logSize: log.length, logLevel: 1 }));
  if (again >= 0) return new KernelBtf(system, open, again, { btf, offsets });
  throw new KernelError("BTF_LOAD", "the kernel refuses the types", { errno: -fd, log: textOf(log) });
};
