import type { Tnum } from "../domain/tnum.js";
import { toBigInt } from "../domain/word.js";

/** A tristate number as kernel logs print it: `(0x4; 0x3)` is 4..7. */
export const formatTnum = ({ value, mask }: Tnum): string =>
  `(0x${toBigInt(value).toString(16)}; 0x${toBigInt(mask).toString(16)})`;
