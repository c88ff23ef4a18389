import { interpret, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../../runtime/test/support/program.js";
import { program } from "../../../verifier/test/programs.js";
import type { Flow } from "../../src/flow/flow.js";
import { compile } from "../../src/index.js";
import { flowFor, verifiedFlowFor } from "../support/flow.js";

/*
 * Programs get 512 bytes of memory: r1 is its address. The first four bytes are where the loop reads from, and the next
 * ones where it writes to and how many rounds it does, from 1 on; it copies or fills what lies behind them.
 */
const MEMORY = 512;
const PROLOGUE = `ldxh %r6, [%r1]\nldxh %r7, [%r1+2]\nldxh %r8, [%r1+4]
and %r6, 0xff\nand %r7, 0xff\nand %r8, 0xff\nadd32 %r6, %r1\nadd32 %r7, %r1\nmov %r2, 0\nmov %r5, 0x5a\nmov %r4, 0\n`;
/** A result of all that a loop may leave in registers. */
const EPILOGUE =
  "\nmov %r0, %r2\nlsh %r0, 8\nxor %r0, %r3\nlsh %r0, 8\nxor %r0, %r4\nlsh %r0, 8\nxor %r0, %r6\nlsh %r0, 8\nxor %r0, %r7\nexit";

const LETTER = { 1: "b", 2: "h", 4: "w", 8: "dw" } as const;
type Size = keyof typeof LETTER;
const SIZES = [1, 2, 4, 8] as const;

/** Loops that do all of their rounds at once, up to the last ones. */
const LOOPS: Readonly<Record<string, (size: Size) => string>> = {
  "two sums with a counter": (size) =>
    `mul %r8, ${size}\nmov %r3, 0\nagain: mov %r3, %r6\nadd %r3, %r2\nldx${LETTER[size]} %r3, [%r3]\nmov %r4, %r7\nadd %r4, %r2
stx${LETTER[size]} [%r4], %r3\nadd %r2, ${size}\njlt %r2, %r8, again`,
  "two pointers, a counter of rounds": (size) =>
    `mov %r3, 0\nagain: ldx${LETTER[size]} %r3, [%r6+8]\nstx${LETTER[size]} [%r7], %r3\nadd %r6, ${size}\nadd %r7, ${size}
add %r2, 1\njne %r2, %r8, again`,
  "two pointers, one of which ends it": (size) =>
    `mov %r3, 0\nmul %r8, ${size}\nadd32 %r8, %r7\nagain: ldx${LETTER[size]} %r3, [%r6]\nadd %r6, ${size}
stx${LETTER[size]} [%r7+6], %r3\nadd %r7, ${size}\njgt %r8, %r7, again`,
  "a counter in 32 bits": (size) =>
    `mul %r8, ${size}\nmov %r3, 0\nagain: mov %r3, %r6\nadd %r3, %r2\nldx${LETTER[size]} %r3, [%r3]\nmov %r4, %r7\nadd %r4, %r2
stx${LETTER[size]} [%r4], %r3\nadd32 %r2, ${size}\njlt32 %r2, %r8, again`,
  "a counter that goes down beside": (size) =>
    `mov %r3, 0\nmov %r4, 7\nagain: ldx${LETTER[size]} %r3, [%r6]\nstx${LETTER[size]} [%r7], %r3\nadd %r6, ${size}\nadd %r7, ${size}
add %r4, -3\nadd %r2, 1\njlt %r2, %r8, again`,
  zeros: (size) => `mov %r3, 0\nagain: st${LETTER[size]} [%r7], 0\nadd %r7, ${size}\nadd %r2, 1\njlt %r2, %r8, again`,
  ones: (size) => `mov %r3, 0\nagain: st${LETTER[size]} [%r7], -1\nadd %r7, ${size}\nadd %r2, 1\njne %r2, %r8, again`,
};

/** Loops that look like these, and aren't. */
const OTHERS: Readonly<Record<string, string>> = {
  "a sum of what is copied": "ldxb %r3, [%r6]\nadd %r4, %r3\nstxb [%r7], %r3\nadd %r6, 1\nadd %r7, 1\nadd %r2, 1",
  "every other byte": "ldxb %r3, [%r6]\nstxb [%r7], %r3\nadd %r6, 2\nadd %r7, 2\nadd %r2, 1",
  "something else than was loaded": "ldxb %r3, [%r6]\nxor %r3, 1\nstxb [%r7], %r3\nadd %r6, 1\nadd %r7, 1\nadd %r2, 1",
  "what the round before loaded": "stxb [%r7], %r3\nldxb %r3, [%r6]\nadd %r6, 1\nadd %r7, 1\nadd %r2, 1",
  "a byte that changes": "stxb [%r7], %r2\nadd %r7, 1\nadd %r2, 1",
  "words of different bytes": "stw [%r7], 0x01020304\nadd %r7, 4\nadd %r2, 1",
  "an end that moves": "stb [%r7], 0\nadd %r7, 1\nadd %r2, 2\nadd %r8, 1",
};

const loopOf = (body: string): string => `mov %r3, 0\nagain: ${body}\njlt %r2, %r8, again`;
const programText = (loop: string): string => `${PROLOGUE}${loop}${EPILOGUE}`;

const bulksIn = ({ graph }: Flow): number =>
  graph.blocks.flatMap(({ steps }) => steps.filter(({ bulk }) => bulk !== undefined)).length;

const bulksOf = (text: string): number => bulksIn(flowFor(asm(text)));

const outcomes = (text: string, memories: readonly Uint8Array[]) => {
  const program = programOf(asm(text));
  return [interpret, compile].map((load) => {
    const runtime = new Runtime({ memoryPages: 8 });
    const executable = load(program, runtime, { checked: false, facts: [] });
    return memories.map((memory) => {
      const { returnValue, context } = runtime.run(executable, { memory });
      return [returnValue, Buffer.from(context).toString("hex")];
    });
  });
};

const memories = fc.array(
  fc.record({
    from: fc.oneof(fc.integer({ min: 8, max: 60 }), fc.constantFrom(8, 16, 24)),
    to: fc.oneof(fc.integer({ min: 8, max: 60 }), fc.constantFrom(8, 9, 20, 200)),
    rounds: fc.oneof(fc.integer({ min: 1, max: 36 }), fc.constantFrom(1, 2, 36)),
    bytes: fc.uint8Array({ minLength: MEMORY - 8, maxLength: MEMORY - 8 }),
  }),
  { minLength: 1, maxLength: 4 },
);

const memoryOf = ({ from, to, rounds, bytes }: { from: number; to: number; rounds: number; bytes: Uint8Array }) => {
  const memory = new Uint8Array(MEMORY);
  memory.set(bytes, 8);
  const view = new DataView(memory.buffer);
  for (const [index, value] of [from, to, rounds].entries()) view.setUint16(2 * index, value, true);
  return memory;
};

describe("loops that copy or fill", () => {
  const cases = Object.entries(LOOPS).flatMap(([name, loop]) => SIZES.map((size) => [name, size, loop(size)] as const));

  it.each(cases)("%s, %i bytes a round: most rounds at once", (_name, _size, loop) => {
    expect(bulksOf(programText(loop))).toBe(1);
  });

  it.each(cases)("%s, %i bytes a round: leave what the interpreter leaves", (_name, _size, loop) => {
    fc.assert(
      fc.property(memories, (inputs) => {
        const [expected, actual] = outcomes(programText(loop), inputs.map(memoryOf));
        expect(actual).toEqual(expected);
      }),
      { seed: 1, numRuns: 15 },
    );
  });

  it.each(Object.entries(OTHERS))("%s: round by round", (_name, body) => {
    const text = programText(loopOf(body));
    expect(bulksOf(text)).toBe(0);
    const [expected, actual] = outcomes(
      text,
      [1, 2, 36].map((rounds) => memoryOf({ from: 20, to: 90, rounds, bytes: new Uint8Array(MEMORY - 8).fill(9) })),
    );
    expect(actual).toEqual(expected);
  });

  it("fill with a byte from a register", () => {
    expect(bulksOf(programText(loopOf("stxb [%r7], %r5\nadd %r7, 1\nadd %r2, 1")))).toBe(1);
    expect(bulksOf(programText(loopOf("stxw [%r7], %r5\nadd %r7, 4\nadd %r2, 1")))).toBe(0);
  });

  it("do so in verified programs, from the packet to the stack", () => {
    const copy = program(`r6 = *(u32 *)(r1 + 0)
      r2 = *(u32 *)(r1 + 4)
      r3 = r6
      r3 += 64
      r0 = 0
      if r3 > r2 goto out
      r7 = 0
      again: r4 = r6
      r4 += r7
      r4 = *(u8 *)(r4 + 0)
      r5 = r10
      r5 += r7
      *(u8 *)(r5 - 64) = r4
      r7 += 1
      if r7 != 64 goto again
      r0 = *(u64 *)(r10 - 8)
      out: exit`);
    expect(bulksIn(verifiedFlowFor(copy))).toBe(1);
    const runtime = new Runtime({ memoryPages: 8 });
    const executable = compile(copy, runtime, { checked: false, facts: verify(copy).facts });
    const packet = Uint8Array.from({ length: 64 }, (_, n) => n + 1);
    expect(runtime.run(executable, { packet }).returnValue).toBe(0x403f3e3d3c3b3a39n);
  });

  it("are left alone where they are known to be short", () => {
    expect(bulksOf(`${PROLOGUE}mov %r8, 8\n${loopOf("stb [%r7], 0\nadd %r7, 1\nadd %r2, 1")}${EPILOGUE}`)).toBe(0);
  });
});
