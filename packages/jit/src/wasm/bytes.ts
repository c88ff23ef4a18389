/** A growing byte buffer with WebAssembly's variable-length integers (LEB128). */
export class Bytes {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Unsigned, below 2^32. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** An opcode and an unsigned immediate. */
  instruction(opcode: number, immediate: number): void {
    if (immediate < 0x80 && this.#length + 2 <= this.#bytes.length) {
      this.#bytes[this.#length++] = opcode;
      this.#bytes[this.#length++] = immediate;
    } else {
      this.byte(opcode);
      this.u32(immediate);
    }
  }

  /** Signed 32 bits; also the encoding of the same number as 64 bits. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest > 0x3f || rest < -0x40) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Signed 64 bits. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (rest > 0x3fn || rest < -0x40n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest & 0x7fn));
  }

  /** Five bytes that `patch` fills later. */
  placeholder(): number {
    const at = this.#length;
    for (let i = 0; i < 5; i++) this.byte(0);
    return at;
  }

  /** Fills a placeholder with an unsigned number, padded to its five bytes. */
  patch(at: number, value: number): void {
    for (let i = 0; i < 5; i++) this.#bytes[at + i] = ((value >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0);
  }

  /** UTF-8 text with its length before it. */
  text(value: string): void {
    this.sized(new TextEncoder().encode(value));
  }

  /** Bytes with their length before them. */
  sized(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** A view of what was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.finish());
    this.#bytes = larger;
  }
}
