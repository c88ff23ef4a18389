import { SLOT_SIZE } from "@ebpf/asm";
import { type ByteOrder, type ByteReader, ByteWriter } from "@ebpf/core";
import type { MapEntry, MapSpec } from "@ebpf/platform";
import { ElfError } from "../errors.js";
import type { CodeFunction } from "./functions.js";

/*
 * Where a `switch` jumps through a register (`gotox`), compilers put the places that it leads to into `.jumptables`: 64
 * bits each, counted in bytes from the start of the function's section. For each table the kernel is given a map that
 * holds the same places as slots of the program, and follows them when it rewrites the program.
 */

/** Name of the section that holds all tables of an object. */
export const JUMP_TABLES = ".jumptables";

/** A table, by its bytes in the section. */
export interface JumpTableReference {
  readonly kind: "jump table";
  readonly symbol: string;
  readonly offset: number;
  readonly size: number;
}

const ENTRY_SIZE = 8;
/** `struct bpf_insn_array_value`: the slot, and room for where the kernel moves it. */
const VALUE_SIZE = 16;

/** The jump tables of one program, as maps. */
export class JumpTables {
  /** By handle. */
  readonly maps: Map<number, MapSpec> = new Map();
  readonly #content: ByteReader | undefined;
  readonly #firstHandle: number;
  readonly #known = new Map<number, number>();

  /** @param content that of the section; `undefined` when there is none */
  constructor(content: ByteReader | undefined, firstHandle: number) {
    this.#content = content;
    this.#firstHandle = firstHandle;
  }

  /**
   * The handle of a table that a function jumps through.
   *
   * @param pc where the function begins in the program
   * @throws ElfError `BAD_JUMP_TABLE`; MalformedError for a table that leaves its section.
   */
  handleOf(table: JumpTableReference, part: CodeFunction, pc: number): number {
    const known = this.#known.get(table.offset);
    if (known !== undefined) return known;
    const handle = this.#firstHandle + this.maps.size;
    this.maps.set(handle, this.#read(table, part, pc));
    this.#known.set(table.offset, handle);
    return handle;
  }

  #read({ symbol, offset, size }: JumpTableReference, part: CodeFunction, pc: number): MapSpec {
    if (this.#content === undefined || offset % ENTRY_SIZE !== 0 || size % ENTRY_SIZE !== 0 || size === 0) {
      throw new ElfError("BAD_JUMP_TABLE", `${symbol} of ${size} bytes at ${offset} is no jump table`, this.#content);
    }
    const content = this.#content.slice(offset, size, symbol);
    const initial = Array.from({ length: size / ENTRY_SIZE }, (_, i): MapEntry => {
      const slot = content.size64(i * ENTRY_SIZE) / SLOT_SIZE;
      if (!Number.isInteger(slot) || slot < part.start || slot >= part.end) {
        const problem = `entry ${i} of ${symbol} leads out of ${part.name}`;
        throw new ElfError("BAD_JUMP_TABLE", problem, { path: content.path, offset: content.base + i * ENTRY_SIZE });
      }
      return { key: words(content.order, i), value: words(content.order, slot - part.start + pc, 0, 0, 0) };
    });
    return {
      name: JUMP_TABLES,
      type: "insn_array",
      keySize: 4,
      valueSize: VALUE_SIZE,
      maxEntries: initial.length,
      flags: 0,
      initial,
      frozen: true,
    };
  }
}

const words = (order: ByteOrder, ...values: readonly number[]): Uint8Array => {
  const writer = new ByteWriter(order);
  for (const value of values) writer.u32(value);
  return writer.finish();
};
