import { describe, expect, it } from "vitest";
import { interpret, Runtime, STACK_TOP } from "../../src/index.js";
import { asm, programOf } from "../support/program.js";

describe("onStep", () => {
  it("sees every instruction before it runs, with registers and frame", () => {
    const seen: [number, bigint, number][] = [];
    const instructions = asm(
      "mov %r0, -1\nlddw %r1, 0x123456789\nadd %r0, %r1\ncall local f\nexit\nf:\nmov %r0, 5\nexit",
    );
    const runtime = new Runtime({ memoryPages: 16 });
    const program = interpret(programOf(instructions), runtime, {
      checked: true,
      onStep: (pc, state) => seen.push([pc, state.register(0), state.frame]),
    });
    runtime.run(program, { memory: new Uint8Array() });
    expect(seen).toEqual([
      [0, 0n, STACK_TOP],
      [1, 0xffff_ffff_ffff_ffffn, STACK_TOP],
      [3, 0xffff_ffff_ffff_ffffn, STACK_TOP],
      [4, 0x1_2345_6788n, STACK_TOP],
      [6, 0x1_2345_6788n, STACK_TOP - 512],
      [7, 5n, STACK_TOP - 512],
      [5, 5n, STACK_TOP],
    ]);
  });
});
