import { splice } from "./mutate.js";

/**
 * Makes an input smaller while it still fails alike: leaves out ever smaller blocks, then clears bytes.
 *
 * @param failsAlike is asked at most `attempts` times
 */
export const minimiseBytes = async (
  input: Uint8Array,
  failsAlike: (candidate: Uint8Array) => boolean | Promise<boolean>,
  attempts: number,
): Promise<Uint8Array> => {
  let smallest = input;
  let left = attempts;
  const accept = async (candidate: Uint8Array): Promise<boolean> => {
    if (left-- <= 0 || !(await failsAlike(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let size = Math.ceil(input.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length && left > 0; ) {
      if (!(await accept(splice(smallest, at, size, new Uint8Array())))) at += size;
    }
  }
  for (let at = 0; at < smallest.length && left > 0; at++) {
    if (smallest[at] === 0) continue;
    const cleared = smallest.slice();
    cleared[at] = 0;
    await accept(cleared);
  }
  return smallest;
};
