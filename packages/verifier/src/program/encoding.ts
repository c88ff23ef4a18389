import { type Instruction, OPERATIONS } from "@ebpf/asm";
import { reject } from "../report/reject.js";

/** Opcodes that Linux 6.18 has, whatever the other fields hold. Jumps and calls through registers are not among them. */
const KNOWN_OPCODES: ReadonlySet<number> = new Set(
  OPERATIONS.filter(({ name }) => name !== "gotox" && name !== "callx").map(({ opcode }) => opcode),
);

const LDX = 1;
const LD_IMM64 = 0x18;

const checkSlot = ({ op, opcode }: Instruction): void => {
  if (op.family === "call" && op.target === "register") reject("REGISTER_CALL", `unknown opcode ${hex(opcode)}`);
  if (op.family === "jump" && op.operator === "gotox")
    reject("UNSUPPORTED_INDIRECT_JUMP", `unknown opcode ${hex(opcode)}`);
  if (op.family !== "raw") return;
  if (!KNOWN_OPCODES.has(opcode)) reject("BAD_INSTRUCTION", `unknown opcode ${hex(opcode)}`);
  if (opcode === LD_IMM64) reject("BAD_INSTRUCTION", "invalid bpf_ld_imm64 insn");
  if ((opcode & 7) === LDX) reject("BAD_INSTRUCTION", "BPF_LDX uses reserved fields");
};

const hex = (opcode: number): string => opcode.toString(16).padStart(2, "0");

/**
 * Refuses encodings that must not stand anywhere in a program, reached or not: unknown opcodes, and loads with reserved
 * fields. Reserved fields of other operations are refused where the walk comes to them.
 */
export const checkEncodings = (instructions: readonly Instruction[]): void => {
  for (const slot of instructions) checkSlot(slot);
};
