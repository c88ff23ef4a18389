import type { Instruction } from "../instruction.js";

export type SymbolBinding = "local" | "global" | "weak";
export type SymbolType = "none" | "function" | "object";

/** One section of assembled text. */
export interface AssembledSection {
  readonly name: string;
  /** True for code. */
  readonly executable: boolean;
  /** The contents, in the byte order asked for. */
  readonly bytes: Uint8Array;
  /** The contents of code, a slot each; empty for data. */
  readonly instructions: readonly Instruction[];
  /** For code: the line of the text that each pc comes from; 0 for raw data. */
  readonly lines: readonly number[];
}

/** A name of the text: a label, or a name that it uses and doesn't define. */
export interface AssembledSymbol {
  readonly name: string;
  /** The section it stands in; `undefined` when it isn't defined here. */
  readonly section: string | undefined;
  /** Bytes from the start of its section. */
  readonly offset: number;
  /** Bytes, as `.size` says; 0 when not said. */
  readonly size: number;
  readonly binding: SymbolBinding;
  readonly type: SymbolType;
}

/**
 * A place to be filled when addresses are known. `imm64`: both halves of an LD_IMM64; `call`: the imm of a call, in
 * slots; `abs32` and `abs64`: data.
 */
export interface AssembledRelocation {
  readonly section: string;
  /** Bytes from the start of the section; for instructions, the start of the slot. */
  readonly offset: number;
  readonly kind: "imm64" | "call" | "abs32" | "abs64";
  readonly symbol: string;
  /** Bytes to add to the symbol's address. */
  readonly addend: bigint;
}

/** What an assembly text says: a plain value, made of sections as in an object file. */
export interface Assembly {
  readonly sections: readonly AssembledSection[];
  readonly symbols: readonly AssembledSymbol[];
  readonly relocations: readonly AssembledRelocation[];
}
