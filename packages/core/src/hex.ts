/** Lower-case hexadecimal, two digits a byte, no separators. */
export const bytesToHex = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
};

/**
 * Reads hexadecimal digits; white space between bytes is skipped.
 *
 * @returns the bytes, or `undefined` when the text holds anything but pairs of hexadecimal digits.
 */
export const hexToBytes = (text: string): Uint8Array | undefined => {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
};
