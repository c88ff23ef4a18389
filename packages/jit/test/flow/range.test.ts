import { type AluOperation, type Instruction, instruction, type JumpOperation, OPERATIONS } from "@ebpf/asm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateAlu, evaluateJump } from "../../../runtime/test/support/oracle.js";
import { computeRange, type Range, refineRanges, UNKNOWN, union, within } from "../../src/flow/range.js";

const holds = ({ low, high, stride }: Range, value: bigint): boolean =>
  value >= BigInt(low) &&
  (high >= 2 ** 53 || value <= BigInt(high)) &&
  (stride === 0 ? value === BigInt(low) : (value - BigInt(low)) % BigInt(stride) === 0n);

/** A range with one of its numbers. */
const member = fc.oneof(
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ range: UNKNOWN, value })) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.oneof(
          fc.nat({ max: 300 }),
          fc.nat({ max: 0x7fff_ffff }),
          fc.maxSafeNat().map((n) => n % 2 ** 40),
        ),
        fc.constantFrom(1, 1, 2, 8, 12, 2 ** 20),
        fc.nat({ max: 600 }),
        fc.nat({ max: 600 }),
      )
      .map(([low, step, count, at]) => {
        const stride = count === 0 ? 0 : step;
        const index = count === 0 ? 0 : at % (count + 1);
        return { range: { low, high: low + count * stride, stride }, value: BigInt(low + index * stride) };
      }),
  },
);

const operationsOf = <T>(keep: (op: (typeof OPERATIONS)[number]) => boolean) =>
  fc.constantFrom(...OPERATIONS.filter(keep)) as unknown as fc.Arbitrary<T>;

const imm = fc.oneof(fc.integer({ min: -70, max: 70 }), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));

const slotOf = (op: AluOperation | JumpOperation, value: number): Instruction =>
  op.operand === "imm"
    ? instruction(op, { dst: 1, imm: value })
    : instruction(op, op.operand === "reg" ? { dst: 1, src: 2 } : { dst: 1 });

describe("ranges hold every concrete result", () => {
  it("of arithmetic", () => {
    const alu = operationsOf<AluOperation>((op) => op.family === "alu" && op.operator !== "addr_space_cast");
    fc.assert(
      fc.property(alu, member, member, imm, (op, a, b, number) => {
        const slot = slotOf(op, number);
        const source = op.operand === "imm" ? BigInt.asUintN(64, BigInt(number)) : b.value;
        const range = computeRange(slot, op, a.range, b.range);
        expect(holds(range, evaluateAlu(op, a.value, source))).toBe(true);
      }),
      { seed: 1, numRuns: 6000 },
    );
  });

  it("of what comparisons tell", () => {
    const jumps = operationsOf<JumpOperation>(
      (op) => op.family === "jump" && op.target === "offset" && op.operand === "reg",
    );
    fc.assert(
      fc.property(jumps, member, member, (op, a, b) => {
        const outcome = evaluateJump(op, a.value, b.value);
        const comparison = { operator: op.operator as "eq", width: op.width };
        const refined = refineRanges(comparison, [a.range, b.range], outcome);
        expect(refined).toBeDefined();
        expect(holds(refined![0], a.value) && holds(refined![1], b.value)).toBe(true);
      }),
      { seed: 1, numRuns: 6000 },
    );
  });

  it("of both operands of a union, and of what a cut leaves", () => {
    fc.assert(
      fc.property(member, member, fc.nat({ max: 1000 }), fc.nat({ max: 1000 }), (a, b, least, more) => {
        const both = union(a.range, b.range);
        expect(holds(both, a.value) && holds(both, b.value)).toBe(true);
        const cut = within(a.range, least, least + more);
        const isInside = a.value >= BigInt(least) && a.value <= BigInt(least + more);
        if (isInside) expect(cut !== undefined && holds(cut, a.value)).toBe(true);
      }),
      { seed: 1, numRuns: 3000 },
    );
  });
});
