import type { InstructionFacts } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { asm } from "../../../runtime/test/support/program.js";
import { findSlots } from "../../src/flow/slots.js";

/** The slots of the only function, from its text and the stretch of stack that each instruction accesses. */
const slotsOf = (text: string, stretches: readonly (readonly [from: number, to: number])[]) => {
  const facts = stretches.map(([from, to]): InstructionFacts => ({ regions: ["fp"], stack: { from, to, owner: 0 } }));
  return [...findSlots(asm(text), [0], facts).get(0)!.values()].map(({ from, size }) => [from, size]);
};

const STORE8 = "stxdw [%r10-8], %r1\n";
const STORE16 = "stxdw [%r10-16], %r1\n";

describe("stack slots that may become registers", () => {
  it("are those that loads and stores of one size touch", () => {
    const text = `${STORE8}${STORE16}ldxdw %r1, [%r10-8]\n`;
    expect(
      slotsOf(text, [
        [-8, 0],
        [-16, -8],
        [-8, 0],
      ]),
    ).toEqual([
      [-16, 8],
      [-8, 8],
    ]);
  });

  it("may be read in part from their start, and nowhere else", () => {
    expect(
      slotsOf(`${STORE8}ldxw %r1, [%r10-8]\n`, [
        [-8, 0],
        [-8, -4],
      ]),
    ).toEqual([[-8, 8]]);
    expect(
      slotsOf(`${STORE8}ldxw %r1, [%r10-4]\n`, [
        [-8, 0],
        [-4, 0],
      ]),
    ).toEqual([]);
  });

  it("are not what stores of different sizes write, or what is read beyond what was stored", () => {
    expect(
      slotsOf(`${STORE8}stxw [%r10-8], %r1\n`, [
        [-8, 0],
        [-8, -4],
      ]),
    ).toEqual([]);
    expect(
      slotsOf("stxw [%r10-8], %r1\nldxdw %r1, [%r10-8]\n", [
        [-8, -4],
        [-8, 0],
      ]),
    ).toEqual([]);
  });

  it("lie apart: what overlaps another stays in memory with it, and so does what overlaps that", () => {
    expect(
      slotsOf(`${STORE16}stxdw [%r10-12], %r1\nstxw [%r10-6], %r1\nstxh [%r10-2], %r1\n`, [
        [-16, -8],
        [-12, -4],
        [-6, -2],
        [-2, 0],
      ]),
    ).toEqual([[-2, 2]]);
  });

  it("are not what a call or an access at a computed place touches, even in part", () => {
    expect(
      slotsOf(`${STORE8}${STORE16}call 1\n`, [
        [-8, 0],
        [-16, -8],
        [-9, -8],
      ]),
    ).toEqual([[-8, 8]]);
    expect(
      slotsOf(`${STORE8}stxdw [%r1], %r2\n`, [
        [-8, 0],
        [-16, 0],
      ]),
    ).toEqual([]);
  });

  it("are not what another function gets at", () => {
    const text = `${STORE8}${STORE16}exit\nstxdw [%r1], %r2\nexit\n`;
    const stack = { from: -8, to: 0, owner: 0 };
    const facts: (InstructionFacts | undefined)[] = [
      { regions: ["fp"], stack },
      { regions: ["fp"], stack: { from: -16, to: -8, owner: 0 } },
      undefined,
      { regions: ["fp"], stack },
      undefined,
    ];
    const table = findSlots(asm(text), [0, 3], facts);
    expect([...table.get(0)!.keys()]).toEqual([-16]);
    expect([...table.get(3)!.keys()]).toEqual([]);
  });

  it("are not what another function gets at, when nothing is known of its first instruction", () => {
    const stack = { from: -8, to: 0, owner: 0 };
    const facts: (InstructionFacts | undefined)[] = [];
    facts[0] = { regions: ["fp"], stack };
    facts[3] = { regions: ["fp"], stack };
    const table = findSlots(asm(`${STORE8}exit\nmov %r6, %r1\nldxdw %r0, [%r6]\nexit\n`), [0, 2], facts);
    expect([...table.get(0)!.keys()]).toEqual([]);
  });
});
