import type { ByteReader } from "@ebpf/core";

/** The string section of BTF. The strings of split BTF continue those of its base. */
export class StringTable {
  /** Offset of this table's first byte, where the base's table ends. */
  readonly start: number;
  readonly #bytes: Uint8Array;
  readonly #base: StringTable | undefined;
  readonly #decoder = new TextDecoder();
  /** The whole section as text: where all is ASCII, strings are parts of it. */
  #text: string | undefined;

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
   * True when a string begins at `offset`. Tails of strings are not handed out: no compiler uses them, and this way all
   * strings together are never longer than the section.
   */
  has(offset: number): boolean {
    if (this.#base !== undefined && offset < this.start) return this.#base.has(offset);
    const from = offset - this.start;
    return from === 0 ? this.#bytes.length > 0 : from < this.#bytes.length && this.#bytes[from - 1] === 0;
  }

  /** The string that begins at `offset`, or `undefined` when none begins there. */
  at(offset: number): string | undefined {
    if (this.#base !== undefined && offset < this.start) return this.#base.at(offset);
    if (!this.has(offset)) return undefined;
    const from = offset - this.start;
    this.#text ??= this.#decoder.decode(this.#bytes);
    // Every character beyond ASCII takes more bytes than places in a text, so equal lengths mean that offsets agree.
    if (this.#text.length === this.#bytes.length) return this.#text.slice(from, this.#text.indexOf("\0", from));
    return this.#decoder.decode(this.#bytes.subarray(from, this.#bytes.indexOf(0, from)));
  }
}
