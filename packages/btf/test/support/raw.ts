import type { ByteOrder } from "@ebpf/core";

/** BTF by hand: the words of the type section and the string section, behind a header. */
export const rawBtf = (order: ByteOrder, words: readonly number[], strings: string): Uint8Array => {
  const text = new TextEncoder().encode(strings);
  const typeBytes = 4 * words.length;
  const bytes = new Uint8Array(24 + typeBytes + text.length);
  const view = new DataView(bytes.buffer);
  const little = order === "little";
  view.setUint16(0, 0xeb9f, little);
  view.setUint8(2, 1);
  [24, 0, typeBytes, typeBytes, text.length].forEach((word, i) => {
    view.setUint32(4 + 4 * i, word, little);
  });
  words.forEach((word, i) => {
    view.setUint32(24 + 4 * i, word, little);
  });
  bytes.set(text, 24 + typeBytes);
  return bytes;
};

/** The second word of a type. */
export const info = (kind: number, count = 0, flag = 0): number => ((flag << 31) | (kind << 24) | count) >>> 0;
