import { assemble } from "@ebpf/asm";
import { linux, programSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { interpret, LINUX_HELPERS, Runtime } from "../../src/index.js";

const XDP_LOAD = 189;
const SKB_LOAD = 26;
const XDP_STORE = 190;

/** r0 of a program that asks a helper for one byte at `offset` of a packet of 64, with 0x55 where the byte goes to. */
const resultOf = (type: "xdp" | "sched_cls", helper: number, offset: number, then = ""): number => {
  const text = `r3 = r10\nr3 += -1\n*(u8 *)(r3 + 0) = 0x55\nr2 = ${offset}\nr4 = 1\nr5 = 0\ncall ${helper}\n${then}exit`;
  const { instructions } = assemble(text, { dialect: "kernel" }).sections[0]!;
  const runtime = new Runtime({ platform: linux, helpers: LINUX_HELPERS });
  const program = interpret(programSpec(type, instructions), runtime, { checked: false });
  return Number(BigInt.asIntN(32, runtime.run(program, { packet: new Uint8Array(64) }).returnValue));
};

describe("bytes that the packet hasn't", () => {
  // What test runs of Linux 6.18.44 returned.
  it.each([
    ["xdp", XDP_LOAD, -1, -14, 0x55],
    ["xdp", XDP_LOAD, 200, -22, 0x55],
    ["xdp", XDP_LOAD, 0xffff, -22, 0x55],
    ["xdp", XDP_LOAD, 0x10000, -14, 0x55],
    ["sched_cls", SKB_LOAD, 200, -14, 0],
    ["sched_cls", SKB_LOAD, -1, -14, 0],
  ] as const)("%s: helper %i at %i returns %i and leaves %i", (type, helper, offset, error, byte) => {
    expect(resultOf(type, helper, offset)).toBe(error);
    expect(resultOf(type, helper, offset, "r0 = *(u8 *)(r10 - 1)\n")).toBe(byte);
  });

  it.each([
    [-1, -14],
    [200, -22],
    [0x10000, -14],
  ])("aren't written: at %i the error is %i", (offset, error) => {
    expect(resultOf("xdp", XDP_STORE, offset)).toBe(error);
  });
});
