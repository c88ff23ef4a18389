import { OPERATIONS } from "@ebpf/asm";
import fc from "fast-check";
import { chance, constant32 } from "../constant.js";
import type { Snippet } from "../lowering.js";
import { withOperands } from "../operation.js";

const NEEDS_MORE: ReadonlySet<string> = new Set(["raw", "lddw-tail", "call"]);
/** What follows an unconditional jump can't be reached, which is always the first thing to be said of the program. */
const ALWAYS: ReadonlySet<string> = new Set(["ja", "gotol", "exit"]);
const WILD = OPERATIONS.filter(({ family, name }) => (!NEEDS_MORE.has(family) || name === "call") && !ALWAYS.has(name));

/** Any operation at all, with any registers: most programs with one are refused, for many different reasons. */
export const wild = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      op: fc.constantFrom(...WILD),
      dst: fc.integer({ min: 0, max: 10 }),
      src: fc.integer({ min: 0, max: 10 }),
      offset: fc.oneof(fc.integer({ min: -64, max: 8 }), fc.constantFrom(0, 1)),
      imm: constant32(),
      toEnd: chance(80),
    })
    .map(({ op, dst, src, offset, imm, toEnd }) => (code) => {
      const slots = withOperands(op, { dst, src, offset, imm: op.name === "call" ? imm & 0xff : imm });
      if (op.family !== "jump" || op.target === "dst" || !toEnd) {
        code.code.append(slots);
        return;
      }
      const { op: row, dst: left, src: right, imm: value } = slots[0]!;
      const uses = { dst: left, src: right, imm: value, offset: 0 };
      const operands = Object.fromEntries(row.uses.filter((field) => field !== op.target).map((f) => [f, uses[f]]));
      code.code.emit(row.name, operands, code.out);
    });
