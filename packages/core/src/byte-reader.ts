import { EbpfError } from "./error.js";

export type ByteOrder = "little" | "big";

export type MalformedCode =
  | "TRUNCATED" // the data ends before the value does
  | "OUT_OF_RANGE" // an offset, index or count points outside of what it refers to
  | "BAD_VALUE" // a field holds a value that the format does not allow
  | "UNSUPPORTED" // a valid value that this reader does not handle
  | "LIMIT"; // more than the reader agreed to read

/**
 * Bytes that don't follow their format. `path` leads into the data (such as `.BTF/types[17]/members[3]`) and `offset`
 * counts bytes from the start of the outermost input.
 */
export class MalformedError extends EbpfError<MalformedCode> {
  override readonly name = "MalformedError";

  readonly path: string;
  readonly offset: number;

  constructor(code: MalformedCode, path: string, offset: number, problem: string, hint?: string) {
    super(code, `${path} at offset ${offset}: ${problem}`, hint === undefined ? {} : { hint });
    this.path = path;
    this.offset = offset;
  }
}

/** Bytes of a text that are tried as ASCII. */
const SHORT = 64;

/**
 * A bounded view of bytes that knows where it stands in the whole input, so that every failure says what was being
 * read and where. Offsets are relative to this reader; reads outside of it throw, they never wrap or return garbage.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly order: ByteOrder;
  readonly path: string;
  /** Offset of this reader's first byte in the outermost input. */
  readonly base: number;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, order: ByteOrder, path: string, base = 0) {
    this.bytes = bytes;
    this.order = order;
    this.path = path;
    this.base = base;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = order === "little";
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Builds the error for a problem at `offset`; the caller throws it. */
  error(code: MalformedCode, offset: number, problem: string, hint?: string): MalformedError {
    return new MalformedError(code, this.path, this.base + offset, problem, hint);
  }

  #check(offset: number, size: number): void {
    if (!(Number.isSafeInteger(offset) && offset >= 0 && size <= this.length - offset)) {
      throw this.error("TRUNCATED", offset, `${size} bytes are needed, of ${this.length} in all`);
    }
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, this.#little);
  }

  i32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getInt32(offset, this.#little);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, this.#little);
  }

  u64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, this.#little);
  }

  /** A 64-bit size or offset as a number. Values above 2^53 can't lie inside of any input and are refused. */
  size64(offset: number): number {
    this.#check(offset, 8);
    const high = this.#view.getUint32(this.#little ? offset + 4 : offset, this.#little);
    if (high >= 1 << 21) {
      throw this.error("OUT_OF_RANGE", offset, `size 0x${this.u64(offset).toString(16)} is larger than any input`);
    }
    return high * 2 ** 32 + this.#view.getUint32(this.#little ? offset : offset + 4, this.#little);
  }

  /** A reader of `size` bytes at `offset`, sharing the bytes; `name` is appended to the path. */
  slice(offset: number, size: number, name: string): ByteReader {
    if (!(Number.isSafeInteger(offset) && offset >= 0 && size >= 0 && size <= this.length - offset)) {
      throw this.error("OUT_OF_RANGE", offset, `${name} of ${size} bytes does not fit into ${this.length} bytes`);
    }
    const path = name.startsWith("[") || this.path === "" ? `${this.path}${name}` : `${this.path}/${name}`;
    return new ByteReader(this.bytes.subarray(offset, offset + size), this.order, path, this.base + offset);
  }

  /** The NUL-terminated UTF-8 text at `offset`, of at most `limit` bytes. */
  cString(offset: number, limit = this.length): string {
    this.#check(offset, 1);
    let text = "";
    // Names are short and plain, for which a TextDecoder takes ten times as long.
    for (let at = offset; at < this.length && at - offset < SHORT; at++) {
      const byte = this.bytes[at]!;
      if (byte === 0) return text;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    const end = this.bytes.subarray(offset, Math.min(this.length, offset + limit + 1)).indexOf(0);
    if (end < 0 && this.length - offset > limit) {
      throw this.error("LIMIT", offset, `text of more than ${limit} bytes`);
    }
    if (end < 0) throw this.error("TRUNCATED", offset, "text has no terminating zero");
    return new TextDecoder().decode(this.bytes.subarray(offset, offset + end));
  }
}
