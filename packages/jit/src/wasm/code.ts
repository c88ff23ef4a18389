import { joinHalvesSigned } from "@ebpf/core";
import { Bytes } from "./bytes.js";
import type { FunctionReference, FunctionTable } from "./module.js";
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
  | "call_indirect"
  | `local.${string}`
  | `${string}.const`
  | `${string}.load${string}`
  | `${string}.store${string}`
>;

type MemoryOp = Extract<OpName, `${string}.load${string}` | `${string}.store${string}`>;

/** Where in a source file the instructions from an offset on come from. */
export interface Mark {
  /** Byte offset: in a body, or in the whole module. */
  readonly offset: number;
  readonly place: LinePlace;
}

/** A line of a source file. Lines and columns count from 1; column 0 is unknown. */
export interface LinePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line's text. */
  readonly text: string;
}

/** An encoded function body. */
export interface Body {
  readonly bytes: Uint8Array;
  /** In order of their offsets, which count from the start of `bytes`. */
  readonly marks: readonly Mark[];
}

/** A jump target: an open `block`, `loop` or `if`. */
export interface Label {
  readonly depth: number;
}

/** The opcode of two bytes, and the index of the one memory twice. */
const MEMORY_COPY = [0xfc, 0x0a, 0x00, 0x00];
/** The opcode of two bytes, and the index of the one memory. */
const MEMORY_FILL = [0xfc, 0x0b, 0x00];

/** The index of the one table. */
const THE_TABLE = 0x00;

/** The body of a function: what lowering writes. Every method appends one instruction. */
export class Code {
  readonly #bytes = new Bytes(1024);
  readonly #locals: ValueType[] = [];
  readonly #names = new Map<number, string>();
  readonly #marks: Mark[] = [];
  readonly #parameters: number;
  readonly #calls: { readonly at: number; readonly callee: FunctionReference | FunctionTable }[] = [];
  #depth = 0;

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local, which begins as 0; debuggers show it under its name. */
  local(type: ValueType, name?: string): number {
    this.#locals.push(type);
    const local = this.#parameters + this.#locals.length - 1;
    if (name !== undefined) this.name(local, name);
    return local;
  }

  /** Gives a parameter or local a name. */
  name(local: number, name: string): void {
    this.#names.set(local, name);
  }

  /** Names of parameters and locals. */
  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  /** What follows comes from this line. */
  mark(place: LinePlace): void {
    if (this.#marks.at(-1)?.place !== place) this.#marks.push({ offset: this.#bytes.length, place });
  }

  /** Instructions without immediates, in order. A rest parameter would make an array for each call. */
  op(first: PlainOp, second?: PlainOp, third?: PlainOp): this {
    this.#plain(first);
    if (second !== undefined) this.#plain(second);
    if (third !== undefined) this.#plain(third);
    return this;
  }

  #plain(name: PlainOp): void {
    this.#bytes.byte(OP[name]);
    if (name === "end") this.#depth--;
  }

  get(local: number): this {
    this.#bytes.instruction(OP["local.get"], local);
    return this;
  }

  set(local: number): this {
    this.#bytes.instruction(OP["local.set"], local);
    return this;
  }

  tee(local: number): this {
    this.#bytes.instruction(OP["local.tee"], local);
    return this;
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
    // Programs may be unaligned, so no alignment is promised.
    this.#bytes.instruction(OP[op], 0);
    this.#bytes.u32(offset);
    return this;
  }

  /** Copies bytes: target, source and size are on the stack. */
  memoryCopy(): this {
    for (const byte of MEMORY_COPY) this.#bytes.byte(byte);
    return this;
  }

  /** Fills bytes: target, byte and size are on the stack. */
  memoryFill(): this {
    for (const byte of MEMORY_FILL) this.#bytes.byte(byte);
    return this;
  }

  call(callee: FunctionReference): this {
    this.#bytes.byte(OP.call);
    this.#calls.push({ at: this.#bytes.placeholder(), callee });
    return this;
  }

  /** Calls the function of a table whose index is on the stack, behind its arguments. */
  callIndirect(table: FunctionTable): this {
    this.#bytes.byte(OP.call_indirect);
    this.#calls.push({ at: this.#bytes.placeholder(), callee: table });
    this.#bytes.byte(THE_TABLE);
    return this;
  }

  /** Opens a construct; `op("end")` closes it. */
  open(op: "block" | "loop" | "if", result?: ValueType): Label {
    this.#bytes.byte(OP[op]);
    this.#bytes.byte(result === undefined ? TYPE.none : TYPE[result]);
    return { depth: this.#depth++ };
  }

  br(label: Label): this {
    this.#bytes.instruction(OP.br, this.#distance(label));
    return this;
  }

  brIf(label: Label): this {
    this.#bytes.instruction(OP.br_if, this.#distance(label));
    return this;
  }

  /** Jumps to the label that the number on the stack selects, or to `otherwise`. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.#bytes.byte(OP.br_table);
    this.#bytes.u32(labels.length);
    for (const label of [...labels, otherwise]) this.#bytes.u32(this.#distance(label));
    return this;
  }

  /** The encoded body, once the indices of functions are known, and that of the type of a table's functions. */
  finish(indexOf: (callee: FunctionReference | FunctionTable) => number): Body {
    for (const { at, callee } of this.#calls) this.#bytes.patch(at, indexOf(callee));
    const out = new Bytes(this.#bytes.length + 64);
    out.u32(this.#locals.length);
    for (const type of this.#locals) {
      out.u32(1);
      out.byte(TYPE[type]);
    }
    const start = out.length;
    out.raw(this.#bytes.finish());
    out.byte(OP.end);
    return { bytes: out.finish(), marks: this.#marks.map(({ offset, place }) => ({ offset: start + offset, place })) };
  }

  #distance(label: Label): number {
    return this.#depth - 1 - label.depth;
  }
}
