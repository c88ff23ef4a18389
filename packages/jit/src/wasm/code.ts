import { joinHalvesSigned } from "@ebpf/core";
import { Bytes } from "./bytes.js";
import type { FunctionReference } from "./module.js";
import { OP, type OpName, TYPE, type ValueType } from "./opcodes.js";

/** Instructions without immediates. */
type PlainOp = Exclude<
  OpName,
  | "block"
  | "loop"
  | "if"
  | "br"
  | "br_if"
  | "br_table"
  | "call"
  | `local.${string}`
  | `${string}.const`
  | `${string}.load${string}`
  | `${string}.store${string}`
>;

type MemoryOp = Extract<OpName, `${string}.load${string}` | `${string}.store${string}`>;

/** A jump target: an open `block`, `loop` or `if`. */
export interface Label {
  readonly depth: number;
}

/** The opcode of two bytes, and the index of the one memory twice. */
const MEMORY_COPY = [0xfc, 0x0a, 0x00, 0x00];

/** The body of a function: what lowering writes. Every method appends one instruction. */
export class Code {
  readonly #bytes = new Bytes(1024);
  readonly #locals: ValueType[] = [];
  readonly #parameters: number;
  readonly #calls: { readonly at: number; readonly callee: FunctionReference }[] = [];
  #depth = 0;

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local, which begins as 0. */
  local(type: ValueType): number {
    this.#locals.push(type);
    return this.#parameters + this.#locals.length - 1;
  }

  /** Instructions without immediates, in order. */
  op(...names: PlainOp[]): this {
    for (const name of names) {
      this.#bytes.byte(OP[name]);
      if (name === "end") this.#depth--;
    }
    return this;
  }

  get(local: number): this {
    return this.#indexed("local.get", local);
  }

  set(local: number): this {
    return this.#indexed("local.set", local);
  }

  tee(local: number): this {
    return this.#indexed("local.tee", local);
  }

  i32(value: number): this {
    this.#bytes.byte(OP["i32.const"]);
    this.#bytes.s32(value);
    return this;
  }

  /** A 64-bit constant; the high half is the sign of the low one unless it is given. */
  i64(low: number, high: number = low >> 31): this {
    this.#bytes.byte(OP["i64.const"]);
    if (high === low >> 31) this.#bytes.s32(low);
    else this.#bytes.s64(joinHalvesSigned(low, high));
    return this;
  }

  /** A load or store at the address on the stack plus `offset`, unsigned. */
  memory(op: MemoryOp, offset = 0): this {
    this.#bytes.byte(OP[op]);
    // Programs may be unaligned, so no alignment is promised.
    this.#bytes.u32(0);
    this.#bytes.u32(offset);
    return this;
  }

  /** Copies bytes: target, source and size are on the stack. */
  memoryCopy(): this {
    for (const byte of MEMORY_COPY) this.#bytes.byte(byte);
    return this;
  }

  call(callee: FunctionReference): this {
    this.#bytes.byte(OP.call);
    this.#calls.push({ at: this.#bytes.placeholder(), callee });
    return this;
  }

  /** Opens a construct; `op("end")` closes it. */
  open(op: "block" | "loop" | "if", result?: ValueType): Label {
    this.#bytes.byte(OP[op]);
    this.#bytes.byte(result === undefined ? TYPE.none : TYPE[result]);
    return { depth: this.#depth++ };
  }

  br(label: Label): this {
    return this.#indexed("br", this.#distance(label));
  }

  brIf(label: Label): this {
    return this.#indexed("br_if", this.#distance(label));
  }

  /** Jumps to the label that the number on the stack selects, or to `otherwise`. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.#bytes.byte(OP.br_table);
    this.#bytes.u32(labels.length);
    for (const label of [...labels, otherwise]) this.#bytes.u32(this.#distance(label));
    return this;
  }

  /** The encoded body, once the indices of functions are known. */
  finish(indexOf: (callee: FunctionReference) => number): Uint8Array {
    for (const { at, callee } of this.#calls) this.#bytes.patch(at, indexOf(callee));
    const out = new Bytes(this.#bytes.length + 64);
    out.u32(this.#locals.length);
    for (const type of this.#locals) {
      out.u32(1);
      out.byte(TYPE[type]);
    }
    out.raw(this.#bytes.finish());
    out.byte(OP.end);
    return out.finish();
  }

  #indexed(op: OpName, index: number): this {
    this.#bytes.byte(OP[op]);
    this.#bytes.u32(index);
    return this;
  }

  #distance(label: Label): number {
    return this.#depth - 1 - label.depth;
  }
}
