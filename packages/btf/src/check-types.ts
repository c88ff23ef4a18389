import { type ByteReader, type MalformedCode, MalformedError } from "@ebpf/core";
import type { StringTable } from "./strings.js";
import type { BtfKind } from "./types.js";
import {
  BITFIELD_OFFSET_MASK,
  BITFIELD_SIZE_SHIFT,
  INT_ENCODINGS,
  KINDS,
  LAYOUTS,
  LINKAGES,
  TYPE_SIZE,
  vlenOf,
} from "./wire.js";

/*
 * Types are decoded one by one when they are asked for, as most of a kernel's 100,000 never are. So that this can't fail
 * later, one pass over the section first makes sure that every type is well-formed; it makes no objects.
 */

/**
 * Finds and checks all types of a section.
 *
 * @param firstId the id of the section's first type
 * @returns bytes from the start of the section to each type
 * @throws MalformedError at the first type that isn't well-formed.
 */
export const checkTypes = (reader: ByteReader, strings: StringTable, firstId: number): Uint32Array => {
  const check = new SectionCheck(reader, strings, firstId);
  const offsets = new Uint32Array(Math.floor(reader.length / TYPE_SIZE));
  let count = 0;
  for (let at = 0; at < reader.length; count++) {
    offsets[count] = at;
    at = check.type(at, firstId + count);
  }
  const used = offsets.slice(0, count);
  // All ids are known only when all types are: a type may refer to a later one.
  if (check.largestReference >= firstId + count) {
    for (const [i, at] of used.entries()) check.references(at, firstId + i, firstId + count);
  }
  return used;
};

class SectionCheck {
  /** The largest id that any type refers to. */
  largestReference = 0;
  readonly #reader: ByteReader;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #strings: StringTable;
  /** The type that is being checked. */
  #at = 0;
  #id: number;

  constructor(reader: ByteReader, strings: StringTable, firstId: number) {
    this.#reader = reader;
    this.#view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.length);
    this.#little = reader.order === "little";
    this.#strings = strings;
    this.#id = firstId;
  }

  /** Checks one type and returns where it ends. */
  type(at: number, id: number): number {
    this.#at = at;
    this.#id = id;
    const left = this.#reader.length - at;
    if (left < TYPE_SIZE) this.#fail("TRUNCATED", `${left} bytes are left for a type`);
    const info = this.#u32(at + 4);
    const kindNumber = (info >>> 24) & 0x1f;
    const kind = KINDS[kindNumber];
    if (kind === undefined || kind === "void") return this.#fail("UNSUPPORTED", `kind ${kindNumber} is not known`);
    const layout = LAYOUTS[kind];
    const count = layout.each === 0 ? 0 : vlenOf(info);
    const end = at + TYPE_SIZE + layout.once + count * layout.each;
    if (end > this.#reader.length) this.#fail("TRUNCATED", `${kind} of ${end - at} bytes; ${left} are left`);
    if (!layout.nameless) this.#name(this.#u32(at));
    CHECKS[kind]?.(this, info);
    this.#noteReferences(at, kind, end);
    if (layout.eachName !== undefined) this.#entryNames(at, kind, end);
    return end;
  }

  /** Fails at the first reference of a type to an id from `count` on. */
  references(at: number, id: number, count: number): void {
    this.#at = at;
    this.#id = id;
    const info = this.#u32(at + 4);
    const kind = KINDS[(info >>> 24) & 0x1f]!;
    const layout = LAYOUTS[kind];
    const check = (offset: number, place?: string): void => {
      const to = this.#u32(offset);
      if (to >= count) this.#fail("OUT_OF_RANGE", `there is no type ${to}, of ${count}`, place);
    };
    if (layout.wordIsType) check(at + 8);
    for (const offset of layout.onceTypes ?? []) check(at + TYPE_SIZE + offset);
    if (layout.eachType === undefined) return;
    for (let i = 0; i < vlenOf(info); i++) {
      check(at + TYPE_SIZE + layout.once + i * layout.each + layout.eachType, `/${layout.list}[${i}]`);
    }
  }

  #noteReferences(at: number, kind: BtfKind, end: number): void {
    const layout = LAYOUTS[kind];
    if (layout.wordIsType) this.#note(at + 8);
    if (layout.onceTypes !== undefined) for (const offset of layout.onceTypes) this.#note(at + TYPE_SIZE + offset);
    if (layout.eachType === undefined) return;
    for (let entry = at + TYPE_SIZE + layout.once; entry < end; entry += layout.each)
      this.#note(entry + layout.eachType);
  }

  #note(offset: number): void {
    const id = this.#u32(offset);
    if (id > this.largestReference) this.largestReference = id;
  }

  #entryNames(at: number, kind: BtfKind, end: number): void {
    const { once, each, list } = LAYOUTS[kind];
    const start = at + TYPE_SIZE + once;
    for (let entry = start; entry < end; entry += each) {
      const offset = this.#u32(entry);
      if (!this.#strings.has(offset)) this.#name(offset, `/${list}[${(entry - start) / each}]`);
    }
  }

  #name(offset: number, place?: string): void {
    if (!this.#strings.has(offset)) this.#fail("OUT_OF_RANGE", `no string begins at ${offset}`, place);
  }

  int(): void {
    const size = this.word;
    const word = this.payload;
    const encoding = (word >>> 24) & 0xf;
    const bitOffset = (word >>> 16) & 0xff;
    const bits = word & 0xff;
    if (!INT_ENCODINGS.some(([, bit]) => bit === encoding))
      this.#fail("BAD_VALUE", `encoding ${encoding} is not known`);
    if (bits <= 128 && bitOffset + bits <= 8 * size && size <= 16) return;
    this.#fail("OUT_OF_RANGE", `${bits} bits from bit ${bitOffset} don't fit into an integer of ${size} bytes`);
  }

  members(info: number, isUnion: boolean): void {
    const size = 8 * this.word;
    const hasBitfields = info >>> 31 === 1;
    for (let i = 0; i < vlenOf(info); i++) {
      const at = this.#at + TYPE_SIZE + 12 * i + 8;
      const word = this.#u32(at);
      const bitOffset = hasBitfields ? word & BITFIELD_OFFSET_MASK : word;
      const bitSize = hasBitfields ? word >>> BITFIELD_SIZE_SHIFT : 0;
      if (bitOffset + bitSize > size) {
        this.#fail("OUT_OF_RANGE", `bit offset ${bitOffset} lies outside of ${size / 8} bytes`, `/members[${i}]`, at);
      }
      if (isUnion && bitOffset !== 0)
        this.#fail("BAD_VALUE", `bit offset ${bitOffset} in a union`, `/members[${i}]`, at);
    }
  }

  enumSize(values: number): void {
    // An enumeration that is only declared has no size.
    if (this.word === 0 && values === 0) return;
    if (![1, 2, 4, 8].includes(this.word)) this.#fail("BAD_VALUE", `enumeration of ${this.word} bytes`);
  }

  linkage(number: number): void {
    if (LINKAGES[number] === undefined) this.#fail("BAD_VALUE", `linkage ${number} is not known`);
  }

  /** The word that is a size or a type id. */
  get word(): number {
    return this.#u32(this.#at + 8);
  }

  /** The first word behind what all types begin with. */
  get payload(): number {
    return this.#u32(this.#at + TYPE_SIZE);
  }

  #u32(offset: number): number {
    return this.#view.getUint32(offset, this.#little);
  }

  #fail(code: MalformedCode, problem: string, place = "", offset = this.#at): never {
    const { path, base } = this.#reader;
    throw new MalformedError(code, `${path}[${this.#id}]${place}`, base + offset, problem);
  }
}

/** What has to hold for a kind beyond its names and references. */
const CHECKS: Readonly<Partial<Record<BtfKind, (check: SectionCheck, info: number) => void>>> = {
  int: (check) => check.int(),
  struct: (check, info) => check.members(info, false),
  union: (check, info) => check.members(info, true),
  enum: (check, info) => check.enumSize(vlenOf(info)),
  enum64: (check, info) => check.enumSize(vlenOf(info)),
  func: (check, info) => check.linkage(vlenOf(info)),
  var: (check) => check.linkage(check.payload),
};
