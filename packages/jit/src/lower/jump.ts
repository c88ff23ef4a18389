import type { Comparison, Instruction, JumpOperation, Width } from "@ebpf/asm";
import { isWord } from "../flow/range.js";
import type { FunctionWriter } from "./function.js";

type Plain = Parameters<FunctionWriter["code"]["op"]>[0];

type Ordered = Exclude<Comparison, "set">;

const comparisons = (width: Width): Readonly<Record<Ordered, Plain>> => ({
  eq: `i${width}.eq`,
  ne: `i${width}.ne`,
  gt: `i${width}.gt_u`,
  ge: `i${width}.ge_u`,
  lt: `i${width}.lt_u`,
  le: `i${width}.le_u`,
  sgt: `i${width}.gt_s`,
  sge: `i${width}.ge_s`,
  slt: `i${width}.lt_s`,
  sle: `i${width}.le_s`,
});

const WIDE = comparisons(64);
const NARROW = comparisons(32);
/** Zero-extended words are never negative, so that their order as 64-bit numbers is the unsigned one. */
const EXTENDED = { ...NARROW, sgt: NARROW.gt, sge: NARROW.ge, slt: NARROW.lt, sle: NARROW.le };

/** Leaves on the stack whether the jump is taken, as an i32 that is 0 when not. */
export const lowerCondition = (writer: FunctionWriter, slot: Instruction, op: JumpOperation): void => {
  const { code } = writer;
  const { operator, width, operand } = op;
  if (operator === "may_goto") {
    // Taken when the count is used up; else it is counted down.
    code.get(writer.mayGoto).op("i32.eqz");
    code.get(writer.mayGoto).get(writer.mayGoto).i32(0).op("i32.ne", "i32.sub").set(writer.mayGoto);
    return;
  }
  const comparison = operator as Comparison;
  const words = isWord(writer.range(slot.dst)) && isWord(writer.sourceRange(slot, operand));
  const isNarrow = width === 32 || (words && writer.flow !== undefined);
  if (isNarrow) {
    writer.getLow(slot.dst);
    writer.sourceLow(slot, operand);
  } else {
    writer.get(slot.dst);
    writer.source(slot, operand);
  }
  if (comparison === "set") {
    if (isNarrow) code.op("i32.and");
    else code.op("i64.and").i64(0).op("i64.ne");
    return;
  }
  code.op((width === 32 ? NARROW : isNarrow ? EXTENDED : WIDE)[comparison]);
};

/** Puts the target of a `gotox` into its local, or faults when it is no slot of the program. */
export const lowerComputedJump = (writer: FunctionWriter, { dst }: Instruction, pc: number, slots: number): void => {
  const { code, slot } = writer;
  writer.get(dst).i64(slots).op("i64.ge_u").open("if");
  writer.fault("BAD_INSTRUCTION", pc);
  code.op("end");
  writer.getLow(dst).set(slot);
  if (!writer.host.checked) return;
  code.get(slot).i32(pc).op("i32.le_u").open("if");
  writer.charge(
    () =>
      code
        .i32(pc + 1)
        .get(slot)
        .op("i32.sub"),
    pc,
  );
  code.op("end");
};
