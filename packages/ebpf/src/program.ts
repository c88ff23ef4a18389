import type { CompiledProgram, TieredProgram } from "@ebpf/jit";
import { type ProgramSpec, type ProgramTypeName, RETURN_NAMES } from "@ebpf/platform";
import {
  type BoundProgram,
  type Executable,
  type RunInput,
  type RunResult,
  type Runtime,
  RuntimeError,
  verifiedContext,
} from "@ebpf/runtime";
import type { Report } from "@ebpf/verifier";

/** What runs a program. */
export type Engine = "jit" | "interpreter";

/** What a run gave. */
export interface ProgramResult extends Omit<RunResult, "returnValue"> {
  /** The low 32 bits of r0, unsigned: what the kernel takes as the program's verdict. */
  readonly returnValue: number;
  /** All 64 bits of r0, unsigned. */
  readonly r0: bigint;
  /** The name of the return value, such as `XDP_PASS`, where the program type has names. */
  readonly action: string | undefined;
}

/** How long the stages of loading took, in milliseconds. */
export interface LoadTimes {
  /** 0 for a program that runs unverified. */
  readonly verify: number;
  /** Translating the program for its engine. */
  readonly compile: number;
}

/** A program that is ready to run. */
export class LoadedProgram {
  readonly spec: ProgramSpec;
  readonly engine: Engine;
  /** What the verifier said; absent for a program that runs unverified. */
  readonly report: Report | undefined;
  readonly times: LoadTimes;
  /** The program as the runtime knows it. */
  readonly executable: Executable | CompiledProgram | TieredProgram;
  readonly #runtime: Runtime;

  constructor(
    runtime: Runtime,
    executable: Executable | CompiledProgram | TieredProgram,
    details: { readonly engine: Engine; readonly report: Report | undefined; readonly times: LoadTimes },
  ) {
    this.#runtime = runtime;
    this.executable = executable;
    this.spec = executable.spec;
    this.engine = details.engine;
    this.report = details.report;
    this.times = details.times;
  }

  get name(): string {
    return this.spec.name;
  }

  get type(): ProgramTypeName {
    return this.spec.type;
  }

  /** The WebAssembly module; only of a compiled program. */
  get wasm(): Uint8Array | undefined {
    return "wasm" in this.executable ? this.executable.wasm : undefined;
  }

  /**
   * For a program that was loaded with the tier `auto`: settles when its code will not change any more, with whether it is
   * optimized now. Already false for any other.
   */
  get optimized(): Promise<boolean> {
    return "optimized" in this.executable ? this.executable.optimized : Promise.resolve(false);
  }

  /** The program's code stays as it is. It can still be run. */
  close(): void {
    if ("optimized" in this.executable) this.executable.close();
  }

  /** Bytes of the context structure that programs of this type get; 0 when the platform does not fix it. */
  get contextSize(): number {
    return this.#runtime.platform.programTypes[this.type]?.context.size ?? 0;
  }

  /**
   * Runs the program once.
   *
   * @param input a packet, for types that take packets, or the bytes of the context; what is missing of it is zero
   * @throws RuntimeError `BAD_INPUT` for input that the program type does not take
   * @throws RuntimeFault when a program that runs unverified does what it must not
   */
  run(input?: RunInput): ProgramResult {
    const { returnValue: r0, ...rest } = this.#runtime.run(this.executable, this.#checked(input));
    const low = Number(BigInt.asIntN(32, r0));
    return { ...rest, r0, returnValue: low >>> 0, action: RETURN_NAMES[this.type]?.[low] };
  }

  /** Binds the program for many runs that allocate nothing. The stack is cleared only where the verifier saw a need. */
  bind(): BoundProgram {
    const clearStack = this.report?.facts.some((facts) => facts?.readsUninitialized === true) ?? true;
    return this.#runtime.bind(this.executable, { clearStack });
  }

  /** The input, as far as a verified program can be trusted with it. */
  #checked(input: RunInput = { context: new Uint8Array() }): RunInput {
    if (this.report === undefined || "packet" in input) return input;
    if ("memory" in input) {
      throw new RuntimeError("BAD_INPUT", `${this.name} was verified as ${this.type} and takes no raw memory`);
    }
    const layout = this.#runtime.platform.programTypes[this.type]?.context;
    return layout === undefined ? input : { context: verifiedContext(layout, input.context) };
  }
}
