import { BtfError } from "../errors.js";
import type { CoreResolution, CoreSlot, CoreValue } from "./resolution.js";

/*
 * Instruction classes and bits of RFC 9669 §3 that a relocation has to tell apart. A field's offset stands in a load's
 * or store's offset, every other value in an immediate.
 */
const CLASS_MASK = 0x07;
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, alu64: 7 } as const;
const SOURCE_REGISTER = 0x08;
const SIZE_MASK = 0x18;
/** LD | IMM | DW: the load of 64 bits that takes two slots. */
const WIDE_LOAD = 0x18;
const SIZE_BITS: readonly (readonly [number, number])[] = [
  [4, 0x00],
  [2, 0x08],
  [1, 0x10],
  [8, 0x18],
];

/** A call of a helper that no kernel has: "bad relo" in hexadecimal letters, which the verifier's message then shows. */
const POISON: CoreSlot = { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: 0xbad2310 };

/**
 * The slots of an instruction after its relocation: as many as were given, one or the two of a wide load.
 *
 * @throws BtfError `BAD_RELOCATION` when the instruction is none that a relocation can be in, doesn't hold what the
 *   object's own types say, or can't hold the value.
 */
export const patchCore = (slots: readonly CoreSlot[], resolution: CoreResolution): CoreSlot[] => {
  const [slot, tail] = slots;
  switch (slot === undefined ? undefined : slot.opcode & CLASS_MASK) {
    case CLASS.alu:
    case CLASS.alu64:
      if ((slot!.opcode & SOURCE_REGISTER) !== 0) break;
      return patched(slots, resolution, (value) => [patchImmediate(slot!, value)]);
    case CLASS.ldx:
    case CLASS.st:
    case CLASS.stx:
      return patched(slots, resolution, (value) => [patchMemory(slot!, value)]);
    case CLASS.ld:
      if (tail === undefined || !isPlainWideLoad(slot!, tail)) break;
      return patched(slots, resolution, (value) => patchWide(slot!, tail, value));
  }
  throw new BtfError("BAD_RELOCATION", `${resolution.relocation}: no instruction that can be relocated`);
};

const isPlainWideLoad = (slot: CoreSlot, tail: CoreSlot): boolean =>
  slot.opcode === WIDE_LOAD &&
  [slot.src, slot.offset, tail.opcode, tail.dst, tail.src, tail.offset].every((field) => field === 0);

const patched = (
  slots: readonly CoreSlot[],
  resolution: CoreResolution,
  patch: (value: CoreValue) => CoreSlot[],
): CoreSlot[] => (resolution.kind === "poison" ? slots.map(() => POISON) : patch(resolution));

/** The compiler has put into the instruction what is right for the object's own types. */
const checkExpected = (found: number | bigint, { relocation, expected }: CoreValue): void => {
  const bits = BigInt.asUintN(64, BigInt(found));
  if (expected === undefined || bits === expected) return;
  throw new BtfError("BAD_RELOCATION", `${relocation}: the instruction holds ${bits} where ${expected} is expected`);
};

const patchImmediate = (slot: CoreSlot, value: CoreValue): CoreSlot => {
  checkExpected(slot.imm, value);
  return { ...slot, imm: Number(BigInt.asIntN(32, value.value)) };
};

const patchWide = (slot: CoreSlot, tail: CoreSlot, value: CoreValue): CoreSlot[] => {
  checkExpected((BigInt(tail.imm) << 32n) | BigInt(slot.imm >>> 0), value);
  return [
    { ...slot, imm: Number(BigInt.asIntN(32, value.value)) },
    { ...tail, imm: Number(BigInt.asIntN(32, value.value >> 32n)) },
  ];
};

const patchMemory = (slot: CoreSlot, value: CoreValue): CoreSlot => {
  checkExpected(slot.offset, value);
  if (value.value > 0x7fffn) {
    throw new BtfError("BAD_RELOCATION", `${value.relocation}: offset ${value.value} does not fit into 16 bits`);
  }
  const { resize } = value;
  if (resize === undefined) return { ...slot, offset: Number(value.value) };
  if (!resize.allowed) return POISON;
  return { ...slot, opcode: resizedOpcode(slot.opcode, resize), offset: Number(value.value) };
};

const resizedOpcode = (opcode: number, { from, to }: NonNullable<CoreValue["resize"]>): number => {
  const size = SIZE_BITS.find(([, bits]) => bits === (opcode & SIZE_MASK))![0];
  const bits = SIZE_BITS.find(([bytes]) => bytes === to)?.[1];
  if (size === from && bits !== undefined) return (opcode & ~SIZE_MASK) | bits;
  throw new BtfError("BAD_RELOCATION", `a load or store of ${size} bytes can't follow a field from ${from} to ${to}`);
};
