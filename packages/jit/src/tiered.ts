import type { ProgramSpec } from "@ebpf/platform";
import { ProgramHost, type Runtime } from "@ebpf/runtime";
import {
  type CompiledProgram,
  type CompileOptions,
  compileModule,
  importsOf,
  lower,
  programOf,
  type Tier,
} from "./compile.js";
import { type LoweringWorker, lowerInWorker } from "./lowering-worker.js";
import type { FinishedModule } from "./module.js";
import { unref } from "./unref.js";

/** How a program is to be compiled twice. */
export interface TieredOptions extends Omit<CompileOptions, "tier"> {
  /** Does the second lowering. Default: this thread, when it is idle. */
  readonly worker?: LoweringWorker;
}

/** A program that runs at once and becomes faster later. */
export interface TieredProgram extends CompiledProgram {
  /** What `enter` runs now. */
  readonly tier: Tier;
  /**
   * Settles when nothing will change any more: true when the program is optimized now; false when it was closed
   * before, or stays as it is. Never needs to be waited for.
   */
  readonly optimized: Promise<boolean>;
  /** The program stays as it is from now on. It can still be run. */
  close(): void;
}

/**
 * Compiles a program at baseline, and again at its best: in a worker where there is one, else when nothing else is to be
 * done. The second code takes the place of the first in the same object, between two runs; neither it nor what waits
 * for it keeps a process alive.
 *
 * Without a worker the second lowering blocks this thread: for 5 ms of 100 instructions, 0.2 s of 15,000. None is started for
 * it: until one has loaded this package, it would be done here as well. The engine's compiler works asynchronously.
 *
 * @throws as `compile`
 */
export const compileTiered = (spec: ProgramSpec, runtime: Runtime, options: TieredOptions): TieredProgram => {
  const host = new ProgramHost(runtime, spec, options);
  const first = lower(host, { ...options, tier: "baseline" });
  const module = compileModule(first.bytes, spec);
  const baseline = programOf(host, first, new WebAssembly.Instance(module, importsOf(module, host)));
  let closed = false;
  let settle: (optimized: boolean | PromiseLike<boolean>) => void = () => {};
  const optimized = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  // Whoever doesn't wait for it must not be punished for that.
  optimized.catch(() => {});
  const program = {
    ...baseline,
    tier: "baseline" as Tier,
    optimized,
    close: () => {
      closed = true;
      settle(false);
    },
  };
  const lowerWell = async (): Promise<FinishedModule | undefined> => {
    const { worker } = options;
    const elsewhere = worker && (await lowerInWorker(worker, host, options));
    if (elsewhere !== undefined) return elsewhere;
    await idle();
    return closed ? undefined : lower(host, { ...options, tier: "optimized" });
  };
  const improve = async (): Promise<boolean> => {
    const second = await lowerWell();
    if (second === undefined) return false;
    const better = await compileLater(second.bytes);
    if (better === undefined || closed) return false;
    const instance = await WebAssembly.instantiate(better, importsOf(better, host));
    if (closed) return false;
    Object.assign(program, programOf(host, second, instance), { tier: "optimized" });
    runtime.programs.refresh(program);
    return true;
  };
  // Checked code is the same in both tiers.
  if (options.checked) program.close();
  else improve().then(settle, (error: unknown) => settle(Promise.reject(error)));
  return program;
};

/** The module; `undefined` when it is too large for the engine. */
const compileLater = async (wasm: Uint8Array): Promise<WebAssembly.Module | undefined> => {
  try {
    return await WebAssembly.compile(wasm as Uint8Array<ArrayBuffer>);
  } catch {
    return undefined;
  }
};

/** Pages tell when they are idle; elsewhere that is when everything else that waits has had its turn. */
const idle = (): Promise<void> =>
  new Promise((resolve) => {
    const { requestIdleCallback } = globalThis as { requestIdleCallback?: (work: () => void) => void };
    if (requestIdleCallback !== undefined) {
      requestIdleCallback(() => resolve());
      return;
    }
    unref(setTimeout(resolve, 0));
  });
