import { AsmError } from "./errors.js";
import type { Field, Operation } from "./operation.js";
import { OPERATIONS, RAW, WIDE_TAIL } from "./operations.js";

/**
 * One 8-byte slot of a program. A program is a list of slots, so a pc is an index into it, as in the kernel; LD_IMM64
 * takes two: the first holds the low, the second (`lddw-tail`) the high 32 bits in `imm`.
 *
 * ```
 *   0        8    12   16              32                              64 bits
 *  ┌────────┬────┬────┬───────────────┬───────────────────────────────┐
 *  │ opcode │dst │src │    offset     │             imm               │
 *  └────────┴────┴────┴───────────────┴───────────────────────────────┘
 * ```
 */
export interface Instruction {
  /** The row of the operation table; the `RAW` row when the slot is no known operation. */
  readonly op: Operation;
  /** The encoded first byte; equal to `op.opcode` unless `op` is `RAW`. */
  readonly opcode: number;
  /** 0..10; up to 15 in a raw slot. */
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits. */
  readonly offset: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

/** The operands of one slot; those left out are 0. */
export type Operands = Partial<Record<Field, number>>;

const BY_NAME: ReadonlyMap<string, Operation> = new Map(OPERATIONS.map((op) => [op.name, op]));

/** The row of the operation table with this name, or `undefined`. */
export const findOperation = (name: string): Operation | undefined => BY_NAME.get(name);

const FIELD_RANGE: Readonly<Record<Field, readonly [number, number]>> = {
  dst: [0, 10],
  src: [0, 10],
  offset: [-0x8000, 0x7fff],
  imm: [-0x8000_0000, 0x7fff_ffff],
};

const FIELDS = Object.keys(FIELD_RANGE) as Field[];

const checkField = (op: Operation, field: Field, value: number): number => {
  const [low, high] = FIELD_RANGE[field];
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new AsmError("BAD_FIELD", `${op.name}: ${field} ${value} is outside of ${low}..${high}`, {
      text: `${value}`,
    });
  }
  const fixed = op.fixed[field] ?? 0;
  if (!op.uses.includes(field) && value !== fixed) {
    throw new AsmError("BAD_FIELD", `${op.name} has no operand ${field}: it must be ${fixed}`, { text: `${value}` });
  }
  return value;
};

/**
 * Makes one slot of a known operation.
 *
 * @throws AsmError `BAD_FIELD` when an operand is out of its range or not one of the operation's.
 */
export const instruction = (op: Operation, operands: Operands = {}): Instruction => {
  const value = (field: Field) => checkField(op, field, operands[field] ?? op.fixed[field] ?? 0);
  return {
    op,
    opcode: op.opcode,
    dst: value("dst"),
    src: value("src"),
    offset: value("offset"),
    imm: value("imm"),
  };
};

/** Makes one slot of any encoding, recognised or not, from its five fields. */
export const rawInstruction = (opcode: number, operands: Operands): Instruction => ({
  op: RAW,
  opcode,
  dst: operands.dst ?? 0,
  src: operands.src ?? 0,
  offset: operands.offset ?? 0,
  imm: operands.imm ?? 0,
});

/** Makes the two slots of an LD_IMM64 from the low and high 32 bits of its value. */
export const wideInstruction = (op: Operation, dst: number, low: number, high: number): [Instruction, Instruction] => [
  instruction(op, { dst, imm: low | 0 }),
  instruction(WIDE_TAIL, { imm: high | 0 }),
];

/** A local call, or the address of a function that is to be called back. */
export const isFunctionReference = ({ op }: Instruction): boolean =>
  (op.family === "call" && op.target === "local") || (op.family === "lddw" && op.meaning === "function");

/** The slot that a jump or local call at `pc` goes to, or `undefined` where there is no static target. */
export const targetOf = (slot: Instruction, pc: number): number | undefined => {
  const { op } = slot;
  if (op.family === "jump" && op.target !== "dst") return pc + 1 + slot[op.target];
  if (op.family === "call" && op.target === "local") return pc + 1 + slot.imm;
  if (op.family === "lddw" && op.meaning === "function") return pc + 1 + slot.imm;
  return undefined;
};

/** How many slots an instruction takes. */
export const slotsOf = (slot: Instruction): 1 | 2 => (slot.op.family === "lddw" ? 2 : 1);

/**
 * True when the slot is well-formed as `op`: its opcode, its fixed fields, 0 in every field it does not use, and no
 * register above r10.
 */
export const matches = (op: Operation, opcode: number, operands: Required<Operands>): boolean =>
  op.opcode === opcode &&
  FIELDS.every((field) =>
    op.uses.includes(field) ? operands[field] <= FIELD_RANGE[field][1] : operands[field] === (op.fixed[field] ?? 0),
  );
