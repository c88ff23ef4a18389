import { type Instruction, instruction, type Operation, ProgramBuilder, R1, R2, R3, R4, R5, R8, R9 } from "@ebpf/asm";
import fc from "fast-check";
import { type FuzzCase, specOf } from "../fuzz-case.js";
import { constant32 } from "./constant.js";
import { type OperationFilter, operationsOf, withOperands } from "./operation.js";
import { readable } from "./readable.js";

/*
 * Programs that no verifier would accept: any operations in any order, with jumps into everything. They are for engines
 * in checked mode. Most memory operands point to memory that is there, else programs would fault at once.
 */

/** An operation whose jump target, where it has one, is the part with that number. */
interface Part {
  readonly op: Operation;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
  readonly target: number;
}

const NEEDS_SURROUNDINGS: ReadonlySet<string> = new Set(["call", "lddw", "lddw-tail", "raw"]);

/** Operations that mean something without maps, helpers and functions. */
const selfContained = (op: Operation): boolean =>
  (!NEEDS_SURROUNDINGS.has(op.family) || op.name === "lddw") && op.name !== "addr_space_cast";

const register = fc.integer({ min: 0, max: 9 });

/** A base register with an offset: the stack, the context in r8, sometimes anything. */
const place = fc.oneof(
  { weight: 8, arbitrary: fc.record({ base: fc.constant(10), offset: fc.integer({ min: -40, max: -1 }) }) },
  { weight: 4, arbitrary: fc.record({ base: fc.constant(8), offset: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ base: register, offset: fc.integer({ min: -16, max: 16 }) }) },
);

const isAccess = (op: Operation): boolean =>
  (op.family === "load" && op.mode === "mem") || op.family === "store" || op.family === "atomic";

const readsFromSource = (op: Operation): boolean =>
  op.family === "load" || (op.family === "atomic" && op.operator === "load_acquire");

const partOf = (op: Operation): fc.Arbitrary<Part> => {
  const operands = fc.record({ dst: register, src: register, imm: constant32(), target: fc.nat({ max: 40 }) });
  if (!isAccess(op)) return operands.map((part) => ({ op, offset: 0, ...part }));
  return fc.tuple(operands, place).map(([part, { base, offset }]) => {
    const where = readsFromSource(op) ? { src: base } : { dst: base };
    return { op, ...part, ...where, offset };
  });
};

/** The part's slots; a jump gets its distance from `startOf`. */
const lower = (part: Part, pc: number, startOf: (part: number) => number): readonly Instruction[] => {
  const { op } = part;
  if (op.family !== "jump" || op.target === "dst") return withOperands(op, part, part.imm);
  return withOperands(op, { ...part, [op.target]: startOf(part.target) - pc - 1 });
};

const PROLOGUE = new ProgramBuilder()
  .mov(R8, R1)
  .mov(R2, 3)
  .mov(R3, -5)
  .lddw(R4, 0x1234_5678_90ab_cdefn)
  .lddw(R5, -0x8000_0000n)
  .mov(R9, 0x77)
  .build();
const EXIT = instruction(operationsOf({ families: ["exit"] })[0]!);

const assemble = (parts: readonly Part[]): readonly Instruction[] => {
  const starts: number[] = [];
  let end = PROLOGUE.length;
  for (const { op } of parts) {
    starts.push(end);
    end += op.family === "lddw" ? 2 : 1;
  }
  const startOf = (part: number): number => starts[part] ?? end;
  return [...PROLOGUE, ...parts.flatMap((part, index) => lower(part, starts[index]!, startOf)), EXIT];
};

/** Well-formed programs, by version of the instruction set and conformance group, that need not be safe to run. */
export const wellFormedPrograms = (filter: OperationFilter & { readonly maxLength?: number } = {}) => {
  const operations = operationsOf(filter).filter(selfContained);
  const jumps = operations.filter(({ family }) => family === "jump");
  const others = operations.filter(({ family }) => family !== "jump");
  const parts = fc.oneof(
    ...[others, jumps].flatMap((rows, index) =>
      rows.length === 0 ? [] : [{ weight: index === 0 ? 3 : 1, arbitrary: fc.constantFrom(...rows).chain(partOf) }],
    ),
  );
  const memory = fc.uint8Array({ minLength: 48, maxLength: 48 });
  return readable(
    fc.tuple(fc.array(parts, { maxLength: filter.maxLength ?? 30 }), memory).map(
      ([list, context]): FuzzCase => ({
        spec: specOf(assemble(list), { type: "syscall", flags: { sleepable: true } }),
        contents: new Map(),
        input: { context },
      }),
    ),
  );
};
