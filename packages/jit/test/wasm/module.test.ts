import { describe, expect, it } from "vitest";
import { Bytes } from "../../src/wasm/bytes.js";
import { ModuleBuilder } from "../../src/wasm/module.js";

describe("Bytes", () => {
  // Examples of the WebAssembly specification and the DWARF standard's section on LEB128.
  it.each([
    [2, [2]],
    [127, [127]],
    [128, [0x80, 1]],
    [624485, [0xe5, 0x8e, 0x26]],
    [0xffff_ffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("u32 %i", (value, bytes) => {
    const out = new Bytes(1);
    out.u32(value);
    expect([...out.finish()]).toEqual(bytes);
  });

  it.each([
    [2, [2]],
    [-2, [0x7e]],
    [127, [0xff, 0]],
    [-127, [0x81, 0x7f]],
    [128, [0x80, 1]],
    [-128, [0x80, 0x7f]],
    [-123456, [0xc0, 0xbb, 0x78]],
  ])("s32 and s64 %i", (value, bytes) => {
    const narrow = new Bytes();
    narrow.s32(value);
    const wide = new Bytes();
    wide.s64(BigInt(value));
    expect([...narrow.finish()]).toEqual(bytes);
    expect([...wide.finish()]).toEqual(bytes);
  });

  it("s64 of the least number", () => {
    const out = new Bytes();
    out.s64(-(2n ** 63n));
    expect([...out.finish()]).toEqual([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]);
  });
});

describe("ModuleBuilder", () => {
  it("makes a module that the engine runs", () => {
    const module = new ModuleBuilder();
    const double = module.import("double", ["i32"], ["i32"]);
    const sum = module.define("sum", ["i32"], ["i32"]);
    // The sum of double(n), double(n - 1), …, double(1).
    const total = sum.code.local("i32");
    const done = sum.code.open("block");
    const again = sum.code.open("loop");
    sum.code.get(0).op("i32.eqz").brIf(done);
    sum.code.get(total).get(0).call(double).op("i32.add").set(total);
    sum.code.get(0).i32(-1).op("i32.add").set(0).br(again).op("end", "end");
    sum.code.get(total);
    module.export(sum);
    const bytes = module.finish({ kind: "imported", pages: 1 }).bytes as Uint8Array<ArrayBuffer>;
    expect(WebAssembly.validate(bytes)).toBe(true);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { memory, double: (n: number) => 2 * n },
    });
    expect((instance.exports.sum as (n: number) => number)(4)).toBe(20);
  });
});
