import { type RingBufferMap, Runtime } from "@ebpf/runtime";
import { expect, it } from "vitest";
import { asm, bytesOf, mapOf, numberOf, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";

const SPEC = mapOf({ type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096 });

/** Puts out the 8 bytes of the input, by a reservation or at once. */
const PROGRAMS = {
  submit: `mov %r6, %r1\n
    lddw_map 1, 1\n
    mov %r2, 8\nmov %r3, 0\ncall helper 131\njeq %r0, 0, out\nldxdw %r1, [%r6]\nstxdw [%r0], %r1
    mov %r1, %r0\nmov %r2, 0\ncall helper 132\nmov %r0, 0\nexit\nout: mov %r0, 1\nexit`,
  output: "mov %r2, %r1\nlddw_map 1, 1\nmov %r3, 8\nmov %r4, 0\ncall helper 130\nexit".replace(
    "lddw_map 1, 1",
    "\nlddw_map 1, 1\n",
  ),
};

it.each(Object.entries(PROGRAMS))("%s in compiled code wakes who waits for a record", async (_name, text) => {
  const runtime = new Runtime({ memoryPages: 16 });
  const map = runtime.createMap(SPEC) as RingBufferMap;
  const instructions = asm(text);
  const program = compile(programOf(instructions, { maps: new Map([[1, SPEC]]) }), runtime, {
    checked: false,
    maps: new Map([[1, map]]),
    facts: instructions.map(() => undefined),
  });
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(program.wasm as Uint8Array<ArrayBuffer>));
  expect(imports.map(({ name }) => name).filter((name) => name.startsWith("helper"))).toEqual([]);
  const put = (value: number) => runtime.run(program, { memory: bytesOf(value, 8) }).returnValue;
  const records = map.records();
  for (const value of [1, 2, 3]) {
    const waiting = records.next();
    expect(put(value)).toBe(0n);
    expect(numberOf((await waiting).value as Uint8Array)).toBe(BigInt(value));
  }
  // Nobody waits.
  expect([put(4), put(5)]).toEqual([0n, 0n]);
  expect(map.drain().map(numberOf)).toEqual([4n, 5n]);
});
