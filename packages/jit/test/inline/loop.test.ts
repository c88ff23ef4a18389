import { interpret, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { program } from "../../../verifier/test/programs.js";
import { compile } from "../../src/index.js";

/*
 * The context is a packet of 64 bytes whose first bytes are the input: how often to go round, and when to stop. Programs
 * return the helper's result, and in the upper half what the callbacks did.
 */
const text = (callback: string, { flags = 0 } = {}): string => `
  r6 = *(u32 *)(r1 + 0)
  r2 = *(u32 *)(r1 + 4)
  r3 = r6
  r3 += 16
  r0 = 0
  if r3 > r2 goto out
  *(u64 *)(r10 - 16) = 0
  r1 = *(u64 *)(r6 + 8)
  *(u64 *)(r10 - 8) = r1
  r1 = *(u32 *)(r6 + 0)
  r2 = f ll
  r3 = r10
  r3 += -16
  r4 = ${flags}
  call loop
  r1 = *(u64 *)(r10 - 16)
  r1 <<= 32
  r0 <<= 32
  r0 >>= 32
  r0 |= r1
  out: exit
  f: ${callback}`;

/** Adds the round to a sum, and stops at the number that the input says. */
const SUM = `r3 = *(u64 *)(r2 + 0)
  r3 += r1
  r3 += 1
  *(u64 *)(r2 + 0) = r3
  r4 = *(u64 *)(r2 + 8)
  r0 = 0
  if r1 != r4 goto +1
  r0 = 1
  exit`;

const packet = (rounds: number, stop: bigint): Uint8Array => {
  const bytes = new Uint8Array(64);
  new DataView(bytes.buffer).setUint32(0, rounds, true);
  new DataView(bytes.buffer).setBigUint64(8, stop, true);
  return bytes;
};

const prepare = (source: string) => {
  const spec = program(source);
  const { verdict, facts, rejection } = verify(spec);
  expect(rejection?.message).toBeUndefined();
  expect(verdict).toBe("accept");
  const runtime = new Runtime({ memoryPages: 16 });
  const engines = {
    interpreter: interpret(spec, runtime, { checked: false }),
    baseline: compile(spec, runtime, { checked: false, tier: "baseline" }),
    optimized: compile(spec, runtime, { checked: false, facts }),
  };
  const importsOf = (wasm: Uint8Array): string[] =>
    WebAssembly.Module.imports(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)).map(({ name }) => name);
  return { runtime, engines, imports: importsOf(engines.optimized.wasm) };
};

describe("bpf_loop of a callback that is known", () => {
  it("is a loop of the module", () => {
    const { imports, engines } = prepare(text(SUM));
    expect(imports).not.toContain("helper_181");
    expect(imports).toContain("memory");
    expect(WebAssembly.validate(engines.optimized.wasm as Uint8Array<ArrayBuffer>)).toBe(true);
  });

  it.each([
    [0, 5n, 0n, 0n],
    [1, 5n, 1n, 1n],
    [7, 100n, 7n, 28n],
    [7, 2n, 3n, 6n],
    [7, 1n << 32n, 7n, 28n],
    [8 * 1024 * 1024 + 1, 2n, BigInt.asUintN(32, -7n), 0n],
    [0xffff_ffff, 2n, BigInt.asUintN(32, -7n), 0n],
  ])("does %i rounds, to stop at %i, in all engines", (rounds, stop, result, sum) => {
    const { runtime, engines } = prepare(text(SUM));
    for (const [name, engine] of Object.entries(engines)) {
      const { returnValue } = runtime.run(engine, { packet: packet(rounds, stop) });
      expect([name, returnValue & 0xffff_ffffn, returnValue >> 32n]).toEqual([name, result, sum]);
    }
  });

  it("refuses flags", () => {
    const { runtime, engines } = prepare(text(SUM, { flags: 1 }));
    for (const engine of Object.values(engines)) {
      expect(runtime.run(engine, { packet: packet(3, 9n) }).returnValue).toBe(BigInt.asUintN(32, -22n));
    }
  });

  it("is code as well where the callback is one of two", () => {
    const source = text(SUM).replace("r2 = f ll", "r2 = f ll\n  if r1 > 5 goto +2\n  r2 = g ll");
    const { runtime, engines, imports } = prepare(`${source}\n  g: r0 = 1\n  exit`);
    expect(imports).not.toContain("helper_181");
    for (const engine of Object.values(engines)) {
      // Six rounds add 1 to 6; of up to five rounds the other callback ends the first.
      expect(runtime.run(engine, { packet: packet(6, 9n) }).returnValue).toBe((21n << 32n) | 6n);
      expect(runtime.run(engine, { packet: packet(5, 9n) }).returnValue).toBe(1n);
    }
  });

  it("may be one in another", () => {
    const outer = `
      *(u64 *)(r10 - 16) = 0
      *(u64 *)(r10 - 8) = 100
      r6 = r2
      r2 = g ll
      r3 = r10
      r3 += -16
      r4 = 0
      r1 = 3
      call loop
      r1 = *(u64 *)(r10 - 16)
      r3 = *(u64 *)(r6 + 0)
      r3 += r1
      *(u64 *)(r6 + 0) = r3
      r0 = 0
      exit
      g: ${SUM.replaceAll("\n", "\n      ")}`;
    const { runtime, engines, imports } = prepare(text(outer));
    expect(imports).not.toContain("helper_181");
    // Each of 5 rounds adds 1 + 2 + 3.
    for (const engine of Object.values(engines)) {
      expect(runtime.run(engine, { packet: packet(5, 9n) }).returnValue).toBe((30n << 32n) | 5n);
    }
  });
});
