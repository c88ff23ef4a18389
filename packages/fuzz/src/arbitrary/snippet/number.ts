import {
  type AluOperation,
  at,
  instruction,
  type JumpOperation,
  OPERATIONS,
  R0,
  R1,
  R2,
  type Register,
  type Size,
} from "@ebpf/asm";
import type { HelperPrototype } from "@ebpf/platform";
import fc from "fast-check";
import { chance, constant32, constant64 } from "../constant.js";
import { LIVE, type Snippet } from "../lowering.js";
import { handleOf } from "../maps.js";

/** A register that holds a number. */
export const live = (): fc.Arbitrary<Register> => fc.constantFrom(...LIVE);

export const sizes = (): fc.Arbitrary<Size> => fc.constantFrom<Size>(1, 2, 4, 8);

/** Sets a register to a constant: as an immediate where it fits, else with LD_IMM64. */
export const setConstant = (): fc.Arbitrary<Snippet> =>
  fc.tuple(live(), constant64(), chance(30)).map(([dst, value, wide]) => ({ code }) => {
    if (!wide && BigInt.asIntN(32, value) === value) code.mov(dst, Number(value));
    else code.lddw(dst, value);
  });

/** `bpf_get_prandom_u32` */
const RANDOM = 7;

/** Sets a register to a number that no verifier knows: from a map's value, or random. */
export const setUnknown = (keep: (helper: HelperPrototype) => boolean): fc.Arbitrary<Snippet> =>
  fc
    .record({ dst: live(), size: sizes(), signed: fc.boolean(), offset: fc.nat({ max: 56 }), random: chance(15) })
    .map(({ dst, size, signed, offset, random }) => (code) => {
      const prandom = code.helper(RANDOM);
      if (random && prandom !== undefined && keep(prandom)) {
        code.code.call(RANDOM);
        code.code.mov(dst, R0);
        return;
      }
      code.loadMapValue(R1, handleOf("single"), 0);
      code.load(size, dst, at(R1, offset - (offset % size)), signed);
    });

const ALU = OPERATIONS.filter((op): op is AluOperation => op.family === "alu" && op.operator !== "addr_space_cast");

/** An immediate that the operation takes: no shift beyond the width, no division by 0. */
const fitting = ({ operator, width }: AluOperation, imm: number): number => {
  if (["lsh", "rsh", "arsh"].includes(operator)) return imm & (width - 1);
  return imm === 0 && ["div", "sdiv", "mod", "smod"].includes(operator) ? 1 : imm;
};

/** Arithmetic on numbers with any operation of the table. */
export const calculate = (): fc.Arbitrary<Snippet> =>
  fc
    .record({ op: fc.constantFrom(...ALU), dst: live(), src: live(), imm: constant32(), raw: chance(2) })
    .map(({ op, dst, src, imm, raw }) => ({ code }) => {
      const operands = {
        dst: dst.register,
        src: src.register,
        imm: raw ? imm : fitting(op, imm),
      };
      const used = Object.fromEntries(op.uses.map((field) => [field, operands[field as keyof typeof operands]]));
      code.append([instruction(op, used)]);
    });

/** Conditional jumps. */
export const COMPARISONS = OPERATIONS.filter(
  (op): op is JumpOperation => op.family === "jump" && op.target === "offset" && op.operand !== "none",
);

export interface Condition {
  readonly op: JumpOperation;
  readonly left: Register;
  readonly right: Register;
  readonly imm: number;
}

export const condition = (): fc.Arbitrary<Condition> =>
  fc.record({ op: fc.constantFrom(...COMPARISONS), left: live(), right: live(), imm: constant32() });

/** Jumps to the label when the condition holds. */
export const jumpIf =
  ({ op, left, right, imm }: Condition, label: string): Snippet =>
  ({ code }) => {
    const second = op.operand === "imm" ? { imm } : { src: right.register };
    code.emit(op.name, { dst: left.register, ...second }, label);
  };

/** Leaves the function when a condition holds: numbers are bounded behind it. */
export const guard = (): fc.Arbitrary<Snippet> =>
  condition().map((test) => (code) => {
    jumpIf(test, code.out)(code);
  });

/** Copies a number, with a constant added: the copies stay linked. */
export const copy = (): fc.Arbitrary<Snippet> =>
  fc
    .record({ dst: live(), src: live(), wide: fc.boolean(), add: fc.option(constant32(), { nil: undefined }) })
    .map(({ dst, src, wide, add }) => ({ code }) => {
      if (wide) code.mov(dst, src);
      else code.alu32("mov", dst, src);
      if (add === undefined) return;
      if (wide) code.alu("add", dst, add);
      else code.alu32("add", dst, add);
    });

/** A number that depends on a comparison: 0 or 1, or one of two constants. */
export const choose = (): fc.Arbitrary<Snippet> =>
  fc
    .record({ test: condition(), dst: live(), first: constant32(), second: constant32() })
    .map(({ test, dst, first, second }) => (code) => {
      const end = code.label();
      code.code.mov(R2, first);
      jumpIf(test, end)(code);
      code.code.mov(R2, second);
      code.code.label(end).mov(dst, R2);
    });
