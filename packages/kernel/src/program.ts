import type { ProgramSpec } from "@ebpf/platform";
import { Attributes } from "./attributes.js";
import { Descriptor, disposeAll, type OpenDescriptors } from "./descriptor.js";
import { KernelError } from "./errors.js";
import type { KernelMap } from "./map.js";
import type { System } from "./system.js";

/** What a program is run on. */
export interface TestRunOptions {
  /** The packet; network programs need at least an Ethernet header of 14 bytes. */
  readonly data?: Uint8Array;
  /** The context, of types that take one: `__sk_buff`, `xdp_md`, or the arguments of `syscall` and `raw_tracepoint`. */
  readonly context?: Uint8Array;
  /** How often it runs, with the last run's results; only for types that take packets. */
  readonly repeat?: number;
  /** `BPF_F_TEST_*` of Linux's uapi. */
  readonly flags?: number;
}

/** What a run gave. */
export interface TestRun {
  /** r0, as the kernel reports it: 32 bits, unsigned. */
  readonly returnValue: number;
  /** The packet after the run; empty when none was given. */
  readonly data: Uint8Array;
  /** The context after the run; empty when none was given. */
  readonly context: Uint8Array;
  /** Nanoseconds of one run, on average; 0 for types that the kernel doesn't time. */
  readonly duration: number;
}

/** Room for a packet that a program has grown. */
const PACKET_GROWTH = 1 << 16;

/** Types that get their context back where it was given, or not at all, and refuse a second buffer. */
const CONTEXT_IN_PLACE: ReadonlySet<string> = new Set(["syscall", "raw_tracepoint", "raw_tracepoint_writable"]);

/** A program that the kernel accepted. It is attached to nothing. */
export class KernelProgram extends Descriptor {
  readonly spec: ProgramSpec;
  /** The maps that it uses, by handle. */
  readonly maps: ReadonlyMap<number, KernelMap>;
  readonly #owned: readonly Descriptor[];

  /**
   * @internal made by `Kernel.load`
   * @param owned what was made for this program alone, and is disposed of with it
   */
  constructor(
    system: System,
    open: OpenDescriptors,
    fd: number,
    { spec, maps, owned }: Pick<KernelProgram, "spec" | "maps"> & { readonly owned: readonly Descriptor[] },
  ) {
    super(system, open, fd);
    this.spec = spec;
    this.maps = maps;
    this.#owned = owned;
  }

  /** Closes the program and the maps that were made for it. */
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    disposeAll(this.#owned);
  }

  /**
   * Runs the program once, or `repeat` times, on data of the caller's (`BPF_PROG_TEST_RUN`).
   *
   * @throws KernelError `TEST_RUN` with the kernel's errno: not every type can be run, nor on every input.
   */
  testRun(options: TestRunOptions = {}): TestRun {
    const { data, repeat, flags } = options;
    const inPlace = CONTEXT_IN_PLACE.has(this.spec.type);
    const dataOut = new Uint8Array(data === undefined ? 0 : data.length + PACKET_GROWTH);
    const context = options.context?.slice();
    const contextOut = context === undefined ? new Uint8Array() : inPlace ? context : new Uint8Array(context.length);
    const attributes = new Attributes("programTestRun").set({ programFd: this.fd, repeat, flags });
    if (data !== undefined) {
      attributes.point("dataIn", data).point("dataOut", dataOut);
      attributes.set({ dataSizeIn: data.length, dataSizeOut: dataOut.length });
    }
    if (context !== undefined) attributes.point("contextIn", context).set({ contextSizeIn: context.length });
    if (context !== undefined && !inPlace) {
      attributes.point("contextOut", contextOut).set({ contextSizeOut: contextOut.length });
    }
    const result = this.system.bpf(attributes);
    if (result < 0) {
      throw new KernelError("TEST_RUN", `the kernel doesn't run ${this.spec.name}`, { errno: -result });
    }
    return {
      returnValue: attributes.get("returnValue"),
      data: dataOut.slice(0, attributes.get("dataSizeOut")),
      context: inPlace ? contextOut : contextOut.slice(0, attributes.get("contextSizeOut")),
      duration: attributes.get("duration"),
    };
  }
}
