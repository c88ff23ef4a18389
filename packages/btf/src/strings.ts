import type { ByteReader } from "@ebpf/core";

/** The string section of BTF. The strings of split BTF continue those of its base. */
export class StringTable {
  /** Offset of this table's first byte, where the base's table ends. */
  readonly start: number;
  readonly #bytes: Uint8Array;
  readonly #base: StringTable | undefined;
  readonly #known = new Map<number, string>();
  readonly #decoder = new TextDecoder();

  /**
   * @param reader the string section; its path is that of the section
   * @throws MalformedError `BAD_VALUE` when the section does not end a string, or begins without the empty one.
   */
  constructor(reader: ByteReader, base?: StringTable) {
    this.start = base?.end ?? 0;
    this.#bytes = reader.bytes;
    this.#base = base;
    if (reader.length > 0 && reader.u8(reader.length - 1) !== 0) {
      throw reader.error("BAD_VALUE", reader.length - 1, "the last string has no terminating zero");
    }
    if (base === undefined && !(reader.length > 0 && reader.u8(0) === 0)) {
      throw reader.error("BAD_VALUE", 0, "the first string is not the empty one");
    }
  }

  /** Offset behind the last string. */
  get end(): number {
    return this.start + this.#bytes.length;
  }

  /**
   * The string that begins at `offset`, or `undefined` when none begins there. Tails of strings are not handed out: no
   * compiler uses them, and this way all strings together are never longer than the section.
   */
  at(offset: number): string | undefined {
    if (this.#base !== undefined && offset < this.start) return this.#base.at(offset);
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const from = offset - this.start;
    if (from >= this.#bytes.length || (from > 0 && this.#bytes[from - 1] !== 0)) return undefined;
    const text = this.#decoder.decode(this.#bytes.subarray(from, this.#bytes.indexOf(0, from)));
    this.#known.set(offset, text);
    return text;
  }
}
