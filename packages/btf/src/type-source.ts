import type { ByteReader } from "@ebpf/core";
import { decodeType, type TypeBytes } from "./decode-type.js";
import type { TypePlace } from "./errors.js";
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
  /** Where the type was decoded from; `undefined` for one that was made. */
  placeAt(index: number): TypePlace | undefined;
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

  placeAt(): undefined {
    return undefined;
  }
}

/** The types of another source, some of them changed but for their names, and more behind them. */
export class ChangedTypes implements TypeSource {
  readonly #before: TypeSource;
  readonly #changes: ReadonlyMap<number, BtfType>;
  readonly #added: readonly BtfType[];

  /** @param changes types by index */
  constructor(before: TypeSource, changes: ReadonlyMap<number, BtfType>, added: readonly BtfType[]) {
    this.#before = before;
    this.#changes = changes;
    this.#added = added;
  }

  get count(): number {
    return this.#before.count + this.#added.length;
  }

  at(index: number): BtfType {
    return this.#changes.get(index) ?? this.#added[index - this.#before.count] ?? this.#before.at(index);
  }

  nameAt(index: number): string {
    const added = this.#added[index - this.#before.count];
    if (added === undefined) return this.#before.nameAt(index);
    return "name" in added ? added.name : "";
  }

  placeAt(index: number): TypePlace | undefined {
    return index < this.#before.count ? this.#before.placeAt(index) : undefined;
  }
}

/** Types of a section that was checked: each becomes an object when it is asked for. */
export class TypeSection implements TypeSource {
  readonly #bytes: TypeBytes;
  readonly #origin: TypePlace;
  readonly #offsets: Uint32Array;
  readonly #firstId: number;
  readonly #decoded: (BtfType | undefined)[];

  /**
   * @param offsets of the types in the section, as `checkTypes` found them
   * @param firstId id of the first type
   */
  constructor(reader: ByteReader, strings: StringTable, offsets: Uint32Array, firstId: number) {
    const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.length);
    this.#bytes = { view, little: reader.order === "little", strings };
    this.#origin = { path: reader.path, offset: reader.base };
    this.#offsets = offsets;
    this.#firstId = firstId;
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

  placeAt(index: number): TypePlace {
    const { path, offset = 0 } = this.#origin;
    return { path: `${path}[${this.#firstId + index}]`, offset: offset + this.#offsets[index]! };
  }
}
