import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contestant, timedLoop } from "./contestant.js";

/** A kernel's C file, and the name of its function. */
export interface KernelSource {
  readonly source: string;
  readonly program: string;
}

const HARNESS = fileURLToPath(new URL("../native", import.meta.url));

/** What `native/harness.c` exports. */
interface Harness {
  readonly bench_put: (index: number, byte: number) => void;
  readonly bench_begin: (length: number) => void;
  readonly bench_enter: () => number;
}

const place = (harness: Harness, packet: Uint8Array): void => {
  packet.forEach((byte, index) => {
    harness.bench_put(index, byte);
  });
  harness.bench_begin(packet.length);
};

/**
 * Compiles the harness around a kernel and takes the file up.
 *
 * @returns `undefined` when clang is missing or the kernel needs what only BPF has
 */
const build = <T>(
  { source, program }: KernelSource,
  target: readonly string[],
  take: (file: string) => T,
): T | undefined => {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-bench-"));
  const output = join(folder, "kernel");
  const defines = [`-DSOURCE="${source}"`, `-DPROGRAM=${program}`];
  const flags = ["-O2", "-w", "-fvisibility=hidden", `-I${HARNESS}`, ...target, ...defines];
  try {
    execFileSync(process.env.CLANG ?? "clang-19", [...flags, join(HARNESS, "harness.c"), "-o", output], {
      stdio: "ignore",
    });
    return take(output);
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** The kernel's C source compiled by clang for this machine, in a loop that is C as well. */
export const nativeContestant = async (kernel: KernelSource, packet: Uint8Array): Promise<Contestant | undefined> => {
  const koffi = await import("koffi").then(
    (module) => module.default,
    () => undefined,
  );
  if (koffi === undefined) return undefined;
  const loaded = build(kernel, ["-shared", "-fPIC", "-Wl,-z,defs"], (file) => koffi.load(file));
  if (loaded === undefined) return undefined;
  const harness: Harness & { readonly bench_loop: (runs: number) => number } = {
    bench_put: loaded.func("void bench_put(int index, int byte)"),
    bench_begin: loaded.func("void bench_begin(int length)"),
    bench_enter: loaded.func("int bench_enter()"),
    bench_loop: loaded.func("int bench_loop(int runs)"),
  };
  place(harness, packet);
  return {
    engine: "native",
    result: harness.bench_enter() >>> 0,
    time: (runs) => {
      const begin = performance.now();
      harness.bench_loop(runs);
      return 1e6 * (performance.now() - begin);
    },
  };
};

/** The kernel's C source compiled by clang to WebAssembly, run by the same V8 as our compiled code. */
export const clangWasmContestant = (kernel: KernelSource, packet: Uint8Array): Contestant | undefined => {
  const wasm = build(kernel, ["--target=wasm32", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry"], (file) =>
    readFileSync(file),
  );
  if (wasm === undefined) return undefined;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
  const harness = exports as unknown as Harness;
  place(harness, packet);
  return { engine: "clangWasm", result: harness.bench_enter() >>> 0, time: timedLoop("target.bench_enter()", harness) };
};
