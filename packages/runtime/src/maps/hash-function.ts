/**
 * The hash of the key at `address`: its 32-bit words, the last padded with zeros, are mixed in one after another.
 * Compiled code computes the same.
 *
 * @returns int32
 */
export const hashKey = (view: DataView, address: number, size: number): number => {
  let hash = size;
  const whole = address + (size & ~3);
  let at = address;
  for (; at < whole; at += 4) hash = mix(hash, view.getInt32(at, true));
  const rest = size & 3;
  if (rest !== 0) {
    let word = 0;
    for (let byte = 0; byte < rest; byte++) word |= view.getUint8(at + byte) << (8 * byte);
    hash = mix(hash, word);
  }
  return hash ^ (hash >>> 16);
};

/** What each word of a key is multiplied by: odd, and far from any pattern of bits. */
export const HASH_MULTIPLIER = 0x9e3779b1;

/** A multiplication by an odd constant is a bijection and moves low bits up; the shift brings high bits down. */
const mix = (hash: number, word: number): number => {
  const product = Math.imul(hash ^ word, HASH_MULTIPLIER);
  return product ^ (product >>> 15);
};

/** Whether the keys at two addresses are equal. */
export const sameKey = (view: DataView, a: number, b: number, size: number): boolean => {
  const whole = size & ~3;
  for (let at = 0; at < whole; at += 4) if (view.getInt32(a + at, true) !== view.getInt32(b + at, true)) return false;
  for (let at = whole; at < size; at++) if (view.getUint8(a + at) !== view.getUint8(b + at)) return false;
  return true;
};
