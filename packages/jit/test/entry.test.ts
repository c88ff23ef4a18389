import { CONTEXT_BASE, type KeyedMap, Runtime } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, mapOf, programOf } from "../../runtime/test/support/program.js";
import { ENGINES } from "./support/engines.js";

/** Returns r1 with high bits. */
const WIDE = "mov %r0, %r1\nlsh %r0, 32\nor %r0, 5\nexit";
/** Returns a word, and the compiler knows that. */
const WORD = "mov32 %r0, -1\nexit";
const WIDE_RESULT = (BigInt(CONTEXT_BASE) << 32n) | 5n;

describe.each(ENGINES)("the entry of a program in the %s", (_name, load) => {
  const runtime = new Runtime({ memoryPages: 16 });
  const run = (text: string, checked = false): bigint =>
    runtime.run(load(programOf(asm(text)), runtime, { checked }), { context: new Uint8Array(8) }).returnValue;

  it("gives all 64 bits of r0, whatever ran before", () => {
    for (const [text, expected] of [
      [WIDE, WIDE_RESULT],
      [WORD, 0xffff_ffffn],
      [WIDE, WIDE_RESULT],
      ["mov %r0, -1\nexit", 2n ** 64n - 1n],
      ["ldabsw 1000000\nmov %r0, -1\nexit", 0n],
    ] as const) {
      expect(run(text), text).toBe(expected);
    }
  });

  it("gives all 64 bits of the r0 of a program that a tail call goes to", () => {
    const spec = mapOf({ type: "prog_array", valueSize: 4, maxEntries: 2 });
    const map = runtime.createMap(spec) as KeyedMap;
    [WORD, WIDE].forEach((text, index) => {
      const target = load(programOf(asm(text)), runtime, { checked: false });
      map.initialize(bytesOf(index, 4), bytesOf(runtime.register(target), 4));
    });
    const from = (index: number) => {
      const text = `lddw_map 2, 1\nmov %r3, ${index}\ncall 12\nmov %r0, 1\nexit`;
      const caller = load(programOf(asm(text), { maps: new Map([[1, spec]]) }), runtime, {
        checked: false,
        maps: new Map([[1, map]]),
      });
      return runtime.run(caller, { context: new Uint8Array(8) }).returnValue;
    };
    expect([from(1), from(0), from(1), from(2)]).toEqual([WIDE_RESULT, 0xffff_ffffn, WIDE_RESULT, 1n]);
  });

  it("is a function like others for a program that calls its own start", () => {
    const text = "f: mov %r0, %r2\njge %r2, 4, +2\nadd %r2, 1\ncall local f\nexit";
    expect(run(text, true)).toBe(4n);
  });
});
