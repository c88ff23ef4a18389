import type { ByteReader } from "@ebpf/core";
import { decodeType, type TypeBytes } from "./decode-type.js";
import type { StringTable } from "./strings.js";
import type { BtfType } from "./types.js";
import { layoutOf } from "./wire.js";

/** Where the types of a `Btf` come from; an index counts its own types from 0. */
export interface TypeSource {
  readonly count: number;
  /** The type with an index below `count`; the same object whenever it is asked for. */
  at(index: number): BtfType;
  /** The type's name, or "" for one without: cheaper than the type. */
  nameAt(index: number): string;
}

/** Types that were made as objects: those of a list, which may still grow. */
export class TypeList implements TypeSource {
  readonly #types: readonly BtfType[];

  constructor(types: readonly BtfType[]) {
    this.#types = types;
  }

  get count(): number {
    return this.#types.length;
  }

  at(index: number): BtfType {
    return this.#types[index]!;
  }

  nameAt(index: number): string {
    const type = this.#types[index]!;
    return "name" in type ? type.name : "";
  }
}

/** Types of a section that was checked: each becomes an object when it is asked for. */
export class TypeSection implements TypeSource {
  readonly #bytes: TypeBytes;
  readonly #offsets: Uint32Array;
  readonly #decoded: (BtfType | undefined)[];

  /** @param offsets of the types in the section, as `checkTypes` found them */
  constructor(reader: ByteReader, strings: StringTable, offsets: Uint32Array) {
    const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.length);
    this.#bytes = { view, little: reader.order === "little", strings };
    this.#offsets = offsets;
    this.#decoded = new Array(offsets.length);
  }

  get count(): number {
    return this.#offsets.length;
  }

  at(index: number): BtfType {
    const known = this.#decoded[index];
    if (known !== undefined) return known;
    const type = decodeType(this.#bytes, this.#offsets[index]!);
    this.#decoded[index] = type;
    return type;
  }

  nameAt(index: number): string {
    const { view, little, strings } = this.#bytes;
    const at = this.#offsets[index]!;
    return layoutOf(view.getUint32(at + 4, little)).nameless ? "" : strings.at(view.getUint32(at, little))!;
  }
}
