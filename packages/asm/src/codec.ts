import type { ByteOrder } from "@ebpf/core";
import { AsmError } from "./errors.js";
import { type Instruction, matches, type Operands, rawInstruction } from "./instruction.js";
import type { Operation } from "./operation.js";
import { OPERATIONS, WIDE_TAIL } from "./operations.js";

/** Bytes of one slot. */
export const SLOT_SIZE = 8;

const byOpcode = (): readonly (readonly Operation[])[] => {
  const rows: Operation[][] = Array.from({ length: 256 }, () => []);
  for (const op of OPERATIONS) rows[op.opcode]!.push(op);
  return rows;
};

const BY_OPCODE = byOpcode();

interface Slot extends Required<Operands> {
  readonly opcode: number;
}

const readSlot = (view: DataView, at: number, little: boolean): Slot => {
  const registers = view.getUint8(at + 1);
  return {
    opcode: view.getUint8(at),
    dst: little ? registers & 15 : registers >> 4,
    src: little ? registers >> 4 : registers & 15,
    offset: view.getInt16(at + 2, little),
    imm: view.getInt32(at + 4, little),
  };
};

const isWideTail = (slot: Slot | undefined): slot is Slot =>
  slot !== undefined && matches(WIDE_TAIL, slot.opcode, slot);

/**
 * Decodes slots into instructions. Nothing is lost and nothing is refused: a slot that is no known operation, sets
 * reserved fields, names a register above r10, or is half of an LD_IMM64 becomes a `raw` instruction that encodes to the same bytes.
 *
 * @param bytes program text, 8 bytes a slot
 * @throws AsmError `BAD_LENGTH` when `bytes` is not a whole number of slots.
 */
export const decode = (bytes: Uint8Array, order: ByteOrder = "little"): Instruction[] => {
  if (bytes.length % SLOT_SIZE !== 0) {
    throw new AsmError("BAD_LENGTH", `${bytes.length} bytes are no whole number of ${SLOT_SIZE}-byte instructions`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / SLOT_SIZE;
  const slotAt = (pc: number): Slot | undefined =>
    pc < count ? readSlot(view, pc * SLOT_SIZE, order === "little") : undefined;

  const instructions: Instruction[] = [];
  for (let pc = 0; pc < count; pc++) {
    const slot = slotAt(pc) as Slot;
    const op = BY_OPCODE[slot.opcode]!.find((row) => matches(row, slot.opcode, slot));
    const tail = op?.family === "lddw" ? slotAt(pc + 1) : undefined;
    if (op === undefined || (op.family === "lddw" && !isWideTail(tail))) {
      instructions.push(rawInstruction(slot.opcode, slot));
      continue;
    }
    instructions.push({ op, ...slot });
    if (isWideTail(tail)) {
      instructions.push({ op: WIDE_TAIL, ...tail });
      pc++;
    }
  }
  return instructions;
};

/** Encodes instructions, 8 bytes a slot. The inverse of `decode` for every input. */
export const encode = (instructions: readonly Instruction[], order: ByteOrder = "little"): Uint8Array => {
  const bytes = new Uint8Array(instructions.length * SLOT_SIZE);
  const view = new DataView(bytes.buffer);
  const little = order === "little";
  instructions.forEach((slot, pc) => {
    const at = pc * SLOT_SIZE;
    view.setUint8(at, slot.opcode);
    view.setUint8(at + 1, little ? (slot.src << 4) | slot.dst : (slot.dst << 4) | slot.src);
    view.setInt16(at + 2, slot.offset, little);
    view.setInt32(at + 4, slot.imm, little);
  });
  return bytes;
};
