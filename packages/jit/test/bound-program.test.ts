import { Runtime, RuntimeError } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../runtime/test/support/program.js";
import { ENGINES } from "./support/engines.js";

/** Returns the packet's length, its first byte, and a mark in the stack that only an uncleared one keeps. */
const PROGRAM = `
  ldxw %r2, [%r1]
  ldxw %r3, [%r1+4]
  mov %r0, %r3
  sub %r0, %r2
  lsh %r0, 8
  ldxb %r2, [%r2]
  or %r0, %r2
  ldxb %r4, [%r10-1]
  lsh %r4, 31
  or %r0, %r4
  stb [%r10-1], 1
  exit`;

describe.each(ENGINES)("a bound program in the %s", (_name, load) => {
  const packets = [64, 1500, 14].map((length, index) => new Uint8Array(length).fill(index + 1));

  const bind = (clearStack?: boolean) => {
    const runtime = new Runtime({ memoryPages: 16 });
    const program = load(programOf(asm(PROGRAM), { type: "xdp" }), runtime, { checked: false });
    return { runtime, program, bound: runtime.bind(program, clearStack === undefined ? {} : { clearStack }) };
  };

  it("does for each packet what a run by itself does", () => {
    const { runtime, program, bound } = bind();
    const results = new Uint32Array(3);
    bound.runPackets(packets, results);
    expect([...results]).toEqual([0x4001, 0x5dc02, 0xe03]);
    packets.forEach((packet, index) => {
      expect(runtime.run(program, { packet }).returnValue).toBe(BigInt(results[index]!));
    });
  });

  it("leaves the stack as it is when it is told to", () => {
    const { bound } = bind(false);
    const results = new Uint32Array(2);
    bound.runPackets(packets.slice(0, 2), results);
    expect([...results]).toEqual([0x4001, 0x8005dc02]);
  });

  it("refuses too few results, and packets that are too long", () => {
    const { bound } = bind();
    expect(() => bound.runPackets(packets, new Uint32Array(2))).toThrow(RuntimeError);
    expect(() => bound.runPackets([packets[0]!, new Uint8Array(70_000)], new Uint32Array(2))).toThrow(/room for 65536/);
  });
});
