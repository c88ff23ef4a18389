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

/** How a program is to be compiled twice. */
export type TieredOptions = Omit<CompileOptions, "tier">;

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
 * Compiles a program at baseline, and again at its best when nothing else is to be done. The second code takes the
 * place of the first in the same object, between two runs; neither it nor what waits for it keeps a process alive.
 *
 * The second lowering blocks its thread, and has no thread of its own: until one has started and loaded this package,
 * a program of 15,000 instructions is done as well (both some 0.4 s on a busy machine; 5 ms for 100 instructions). The
 * engine's compiler works asynchronously.
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
  const improve = async (): Promise<boolean> => {
    const second = lower(host, { ...options, tier: "optimized" });
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
  else whenIdle(() => !closed && settle(improve()));
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
const whenIdle = (work: () => void): void => {
  const { requestIdleCallback } = globalThis as { requestIdleCallback?: (work: () => void) => void };
  if (requestIdleCallback !== undefined) {
    requestIdleCallback(work);
    return;
  }
  const timer: unknown = setTimeout(work, 0);
  // In Node a timer keeps the process alive unless it is told not to.
  if (typeof timer === "object") (timer as { unref?: () => void }).unref?.();
};
