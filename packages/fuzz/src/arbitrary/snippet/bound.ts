import { R1, R2, type Register } from "@ebpf/asm";
import fc from "fast-check";
import { chance } from "../constant.js";
import type { Lowering } from "../lowering.js";
import { live } from "./number.js";

/*
 * Programs bring a number under a bound in many ways. `limit` is the largest value that would be safe; `slack` moves the
 * bound that is really set, so that some programs miss it by one.
 */

type BoundForm = (code: Lowering, register: Register, limit: number) => void;

const nextPower = (limit: number): number => {
  let power = 1;
  while (power - 1 < limit) power *= 2;
  return power - 1 === limit ? limit : power / 2 - 1;
};

/** Leaves the function unless the number is at most `limit`. */
const FORMS: Readonly<Record<string, BoundForm>> = {
  and64: ({ code }, r, limit) => code.alu("and", r, nextPower(limit)),
  and32: ({ code }, r, limit) => code.alu32("and", r, nextPower(limit)),
  mod64: ({ code }, r, limit) => code.alu("mod", r, Math.max(1, limit + 1)),
  mod32: ({ code }, r, limit) => code.alu32("mod", r, Math.max(1, limit + 1)),
  jgt64: ({ code, out }, r, limit) => code.jump(r, "gt", limit, out),
  jgt32: ({ code, out }, r, limit) => code.jump32(r, "gt", limit, out),
  jge64: ({ code, out }, r, limit) => code.jump(r, "ge", limit + 1, out),
  jge32: ({ code, out }, r, limit) => code.jump32(r, "ge", limit + 1, out),
  signed64: ({ code, out }, r, limit) => code.jump(r, "sgt", limit, out).jump(r, "slt", 0, out),
  signed32: ({ code, out }, r, limit) => code.jump32(r, "sgt", limit, out).jump32(r, "slt", 0, out),
  upperOnly: ({ code, out }, r, limit) => code.jump(r, "sgt", limit, out),
  equal: ({ code, out }, r, limit) => code.jump(r, "ne", limit, out),
  equal32: ({ code, out }, r, limit) => code.jump32(r, "ne", limit, out),
  shift64: ({ code }, r, limit) => code.alu("rsh", r, Math.min(63, Math.clz32(limit) + 32)),
  shift32: ({ code }, r, limit) => code.alu32("rsh", r, Math.min(31, Math.clz32(limit))),
  // Compares with a register instead of a number.
  register: ({ code, out }, r, limit) => code.mov(R2, limit).jump(r, "gt", R2, out),
  register32: ({ code, out }, r, limit) => code.mov(R2, limit).jump32(R2, "lt", r, out),
  test: ({ code, out }, r, limit) => code.jump(r, "set", ~nextPower(limit), out),
  extended: ({ code, out }, r, limit) => code.signExtend(8, r, r).jump(r, "sgt", limit, out).jump(r, "slt", 0, out),
  none: () => {},
};

export interface Bound {
  readonly source: Register;
  readonly form: string;
  readonly slack: number;
  /** Which copy is compared, and what is added to the copy first. */
  readonly via: "itself" | "original" | "copy";
  readonly narrow: boolean;
  readonly add: number;
  /** Whether the number is made a multiple of the access size. */
  readonly align: boolean;
}

export const bound = (): fc.Arbitrary<Bound> =>
  fc.record({
    source: live(),
    form: fc.constantFrom(...Object.keys(FORMS)),
    slack: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -9, max: 9 }) },
    ),
    via: fc.constantFrom("itself", "original", "copy"),
    narrow: fc.boolean(),
    align: chance(80),
    add: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -8, max: 8 }) }),
  });

/** Leaves in r1 a number that is at most `limit` when the bound holds, perhaps a multiple of `size`. Uses r2. */
export const boundedInR1 = (code: Lowering, chosen: Bound, limit: number, size = 1): void => {
  const { source, form, slack, via, narrow, add, align } = chosen;
  const apply = FORMS[form]!;
  const most = Math.max(0, limit + slack);
  if (narrow) code.code.alu32("mov", R1, source);
  else code.code.mov(R1, source);
  if (add !== 0) code.code.alu("add", R1, add);
  if (via === "itself") apply(code, R1, most);
  else if (via === "original") apply(code, source, most);
  else {
    apply(code, R1, most);
    code.code.mov(R2, R1).mov(R1, R2);
  }
  if (align && size > 1) code.code.alu("and", R1, -size);
};
