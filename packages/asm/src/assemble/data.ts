import type { ByteOrder } from "@ebpf/core";
import { errorAt } from "../text/lexer.js";
import { type Resolution, relocate, type Site, within } from "./resolution.js";
import type { Located } from "./symbols.js";

/** Bytes of the text whose value is computed when all labels are known. */
export interface PendingValue extends Located, Site {
  /** 1, 2, 4 or 8 bytes. */
  readonly size: number;
}

/**
 * Computes a data value and writes it into its section; an address becomes a relocation, with its addend in place.
 *
 * @throws AsmError `OUT_OF_RANGE` when the value does not fit, `SYNTAX` when an address can't be stored in so few bytes.
 */
export const writeValue = (at: PendingValue, to: Resolution, section: DataView, order: ByteOrder): void => {
  const { token, size } = at;
  const value = to.symbols.evaluate(at.value, token);
  if (value.base !== undefined && size < 4) throw errorAt("SYNTAX", token, "an address needs 4 or 8 bytes");
  const kind = size === 4 ? "abs32" : "abs64";
  const stored = value.base === undefined ? value.constant : relocate(at, kind, value, { token, to });
  const bits = BigInt(8 * size);
  within(stored, -(1n << (bits - 1n)), (1n << bits) - 1n, token);
  for (let i = 0; i < size; i++) {
    const byte = Number(BigInt.asUintN(8, stored >> BigInt(8 * i)));
    section.setUint8(at.offset + (order === "little" ? i : size - 1 - i), byte);
  }
};
