import type { CoreRelocationKind } from "../ext.js";

/** The fields of an instruction slot. `Instruction` of `@ebpf/asm` has them all. */
export interface CoreSlot {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** Signed 16 bits. */
  readonly offset: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

/** What an instruction has to hold to fit the target. */
export interface CoreValue {
  readonly kind: "value";
  readonly relocation: CoreRelocationKind;
  /** Unsigned 64 bits. */
  readonly value: bigint;
  /** What the instruction has to hold before, unsigned 64 bits; absent where the compiler may have chosen otherwise. */
  readonly expected?: bigint;
  /** Bytes of the field here and there where they differ: a load or store of `from` bytes becomes one of `to`. */
  readonly resize?: { readonly from: number; readonly to: number; readonly allowed: boolean };
}

/** The target has nothing that the instruction could mean. It may stay only where it is never reached. */
export interface CorePoison {
  readonly kind: "poison";
  readonly relocation: CoreRelocationKind;
  /** What the target lacks, such as `struct task_struct.pid`. */
  readonly missing: string;
}

/** What a CO-RE relocation comes to, told apart by `kind`. */
export type CoreResolution = CoreValue | CorePoison;
