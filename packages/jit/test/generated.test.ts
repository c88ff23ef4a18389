import { type Instruction, instruction, OPERATIONS, type Operation } from "@ebpf/asm";
import { interpret, Runtime } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, operation, programOf } from "../../runtime/test/support/program.js";
import { compile } from "../src/index.js";
import { outcomeOf } from "./support/engines.js";

/*
 * Programs of random instructions and random jumps, most of which no compiler would make: loops with several ways in,
 * jumps into the middle of anything, computed jumps. Registers that a call leaves undefined are set again behind it.
 */

const register = fc.integer({ min: 0, max: 9 });
const imm = fc.oneof(
  fc.integer({ min: -8, max: 64 }),
  fc.constantFrom(-1, 0x7fff_ffff, -0x8000_0000),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
);
const offset = fc.integer({ min: -12, max: 12 });
/** Base register and displacement of memory that is there most of the time: the stack, or what r8 points to. */
const place = fc.oneof(
  { weight: 8, arbitrary: fc.record({ base: fc.constant(10), offset: fc.integer({ min: -40, max: -1 }) }) },
  { weight: 4, arbitrary: fc.record({ base: fc.constant(8), offset: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ base: register, offset: fc.integer({ min: -16, max: 16 }) }) },
);

const operationsOf = (keep: (op: Operation) => boolean) => fc.constantFrom(...OPERATIONS.filter(keep));

const withOperands = (op: Operation, fields: Partial<Record<"dst" | "src" | "offset" | "imm", number>>): Instruction =>
  instruction(op, Object.fromEntries(Object.entries(fields).filter(([field]) => op.uses.includes(field as "dst"))));

const alu = fc
  .tuple(
    operationsOf(({ family }) => family === "alu"),
    register,
    register,
    imm,
  )
  .map(([op, dst, src, imm]) => [withOperands(op, { dst, src, imm })]);

const memory = fc
  .tuple(
    operationsOf(
      (op) => (op.family === "load" && op.mode === "mem") || op.family === "store" || op.family === "atomic",
    ),
    register,
    place,
    imm,
  )
  .map(([op, other, { base, offset }, imm]) => {
    const loads = op.family === "load" || (op.family === "atomic" && op.operator === "load_acquire");
    return [withOperands(op, loads ? { dst: other, src: base, offset } : { dst: base, src: other, offset, imm })];
  });

const jump = fc
  .tuple(
    operationsOf((op) => op.family === "jump" && op.operator !== "gotox"),
    register,
    register,
    fc.integer({ min: -2, max: 8 }),
    offset,
  )
  .map(([op, dst, src, imm, offset]) => [
    withOperands(op, { dst, src, offset, imm: op.family === "jump" && op.target === "imm" ? offset : imm }),
  ]);

const computedJump = fc
  .tuple(register, fc.integer({ min: 0, max: 40 }))
  .map(([dst, target]) => [
    instruction(operation("mov64_imm"), { dst, imm: target }),
    instruction(operation("gotox"), { dst }),
  ]);

const exit = fc.constant([instruction(operation("exit"))]);

/** Calls the function at the end of the program; its distance is filled in later. */
const call = fc.constant([
  instruction(operation("call_local")),
  ...[1, 2, 3, 4, 5].map((dst) => instruction(operation("mov64_imm"), { dst, imm: dst })),
]);

/** A kind of instruction, and how often it comes. */
interface Kind {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<readonly Instruction[]>;
}

const body = (kinds: readonly Kind[]) =>
  fc.array(fc.oneof(...kinds), { minLength: 3, maxLength: 30 }).map((parts) => parts.flat());

const PROLOGUE = asm("mov %r8, %r1\nmov %r2, 3\nmov %r3, -5\nlddw %r4, 0x1234567890abcdef\nmov %r6, 0x77");
const FUNCTION = asm("mov %r0, 0\nmov %r6, 6\nmov %r7, 7\nmov %r8, %r10\nsub %r8, 64\nmov %r9, 9");

const assembleProgram = (first: readonly Instruction[], second: readonly Instruction[]): Instruction[] => {
  const before = [...PROLOGUE, ...first, ...asm("exit")];
  const all = [...before, ...FUNCTION, ...second, ...asm("exit")];
  return all.map((slot, pc) => (slot.op.name === "call_local" ? { ...slot, imm: before.length - pc - 1 } : slot));
};

const runtime = new Runtime({ memoryPages: 16 });

const observe = (load: typeof interpret, instructions: readonly Instruction[], checked: boolean): string => {
  const program = load(programOf(instructions), runtime, { checked, budget: 20_000 });
  const input = Uint8Array.from({ length: 48 }, (_, i) => 17 * i);
  let after = "";
  const outcome = outcomeOf(() => {
    const { returnValue, context } = runtime.run(program, { memory: input });
    after = context.join();
    return returnValue;
  });
  return `${outcome} ${after}`;
};

describe("compiled code does what the interpreter does", () => {
  const straight: readonly Kind[] = [
    { weight: 10, arbitrary: alu },
    { weight: 8, arbitrary: memory },
  ];
  const shapes: Readonly<Record<string, readonly Kind[]>> = {
    "straight code": straight,
    "jumps into everything": [...straight, { weight: 9, arbitrary: jump }, { weight: 1, arbitrary: exit }],
    calls: [
      ...straight,
      { weight: 4, arbitrary: jump },
      { weight: 3, arbitrary: call },
      { weight: 1, arbitrary: exit },
    ],
    "computed jumps": [...straight, { weight: 4, arbitrary: jump }, { weight: 3, arbitrary: computedJump }],
  };

  it.each(Object.entries(shapes))("%s", (_name, kinds) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(body(kinds), body(kinds), (first, second) => {
        const instructions = assembleProgram(first, second);
        const expected = observe(interpret, instructions, true);
        seen.add(/^0x/.test(expected) ? "returned" : expected.split(" ")[0]!);
        expect(observe(compile, instructions, true)).toBe(expected);
        // What ran without a fault does the same without checks.
        if (expected.startsWith("0x")) expect(observe(compile, instructions, false)).toBe(expected);
      }),
      { seed: 1, numRuns: 400 },
    );
    expect(seen).toContain("returned");
  });
});
