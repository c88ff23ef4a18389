import { type Instruction, OPERATIONS } from "@ebpf/asm";
import { reject } from "../report/reject.js";

/** Opcodes that Linux 6.18 has, whatever the other fields hold. Jumps and calls through registers are not among them. */
const KNOWN_OPCODES: ReadonlySet<number> = new Set(
  OPERATIONS.filter(({ name }) => name !== "gotox" && name !== "callx").map(({ opcode }) => opcode),
);

/** Instruction classes: the low three bits of an opcode. */
const CLASS_MASK = 7;
const LDX = 1;
const JUMPS: readonly number[] = [5, 6];
const LD_IMM64 = 0x18;

const hex = (opcode: number): string => opcode.toString(16).padStart(2, "0");

/** Operations that Linux 6.18 does not have, or looks up in its own types before the walk. */
const checkModelled = ({ op, opcode }: Instruction): void => {
  if (op.family === "call" && op.target === "register") reject("REGISTER_CALL", `unknown opcode ${hex(opcode)}`);
  if (op.family === "call" && op.target === "kfunc") {
    reject("UNSUPPORTED_KFUNC", "kernel functions are not modelled yet");
  }
  if (op.family === "jump" && op.operator === "gotox") {
    reject("UNSUPPORTED_INDIRECT_JUMP", `unknown opcode ${hex(opcode)}`);
  }
};

const checkRaw = (opcode: number): void => {
  if (!KNOWN_OPCODES.has(opcode)) reject("BAD_INSTRUCTION", `unknown opcode ${hex(opcode)}`);
  if (opcode === LD_IMM64) reject("BAD_INSTRUCTION", "invalid bpf_ld_imm64 insn");
  const family = opcode & CLASS_MASK;
  if (family === LDX) reject("BAD_INSTRUCTION", "BPF_LDX uses reserved fields");
  // Linux follows such a jump when it looks for unreachable code, and refuses it where the walk comes to it.
  if (JUMPS.includes(family)) reject("BAD_INSTRUCTION", "BPF_JMP uses reserved fields");
};

/**
 * Refuses what must not stand anywhere in a program, reached or not: unknown opcodes, jumps and loads with reserved
 * fields, and calls that can't be resolved. Reserved fields of other operations are refused where the walk comes to them.
 */
export const checkEncodings = (instructions: readonly Instruction[]): void => {
  for (const slot of instructions) {
    if (slot.op.family === "raw") checkRaw(slot.opcode);
    else checkModelled(slot);
  }
};
