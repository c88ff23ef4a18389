import { Runtime } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../runtime/test/support/program.js";
import { compile, JitError, loadBinaryen } from "../src/index.js";

const ADD = asm("mov %r0, 1\nadd %r0, 2\nmul %r0, %r0\nexit");
const runtime = new Runtime({ memoryPages: 8 });

describe("the back end binaryen", () => {
  it("makes smaller modules that do the same", async () => {
    const backend = await loadBinaryen();
    const spec = programOf(ADD);
    const plain = compile(spec, runtime, { checked: true });
    const optimized = compile(spec, runtime, { checked: true, backend });
    expect(runtime.run(optimized, { memory: new Uint8Array() }).returnValue).toBe(9n);
    expect(optimized.wasm.length).toBeLessThan(plain.wasm.length);
  });

  it("shows a module as text", async () => {
    const { text } = await loadBinaryen();
    const { wasm } = compile(programOf(ADD), runtime, { checked: false, tier: "baseline" });
    expect(text(wasm)).toMatch(/^\(module[\s\S]*\(export "enter"[\s\S]*i64\.mul/);
  });

  it("leaves no source map", async () => {
    const backend = await loadBinaryen();
    const compiling = () => compile(programOf(ADD), runtime, { checked: false, backend, sourceMap: true });
    expect(compiling).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });

  it("is a typed error where it isn't installed", async () => {
    const missing = loadBinaryen({ import: () => import("binaryen-that-is-not-there" as string) });
    await expect(missing).rejects.toThrow(JitError);
    await expect(missing).rejects.toMatchObject({ code: "NO_BINARYEN" });
  });
});
