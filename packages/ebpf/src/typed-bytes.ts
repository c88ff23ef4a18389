import { type Btf, type BtfValue, decodeValue, encodeValue, formatValue } from "@ebpf/btf";
import { bytesToHex } from "@ebpf/core";
import { LoadError } from "./errors.js";

/** A key or value of a map as a user sees it: typed by BTF, or bare bytes where the type is not known. */
export type MapValue = BtfValue | Uint8Array;

/** Turns bytes into values and back, by a BTF type or, without one, not at all. */
export class TypedBytes {
  readonly #btf: Btf | undefined;
  readonly #typeId: number;

  /** @param typeId the type in `btf`; 0 when it is not known */
  constructor(btf?: Btf, typeId = 0) {
    this.#btf = typeId === 0 ? undefined : btf;
    this.#typeId = typeId;
  }

  decode(bytes: Uint8Array): MapValue {
    return this.#btf === undefined ? bytes : decodeValue(this.#btf, this.#typeId, bytes, { order: "little" });
  }

  /**
   * The bytes of a value; bytes are taken as they are.
   *
   * @throws BtfError when the value does not fit the type; LoadError `NO_TYPE` when no type is known
   */
  encode(value: MapValue): Uint8Array {
    if (value instanceof Uint8Array) return value;
    if (this.#btf === undefined) throw new LoadError("NO_TYPE", "without BTF a value is given as bytes (Uint8Array)");
    return encodeValue(this.#btf, this.#typeId, value, { order: "little" });
  }

  /** One line for people. */
  format(bytes: Uint8Array): string {
    return this.#btf === undefined
      ? bytesToHex(bytes)
      : formatValue(this.#btf, this.#typeId, bytes, { order: "little" });
  }
}
