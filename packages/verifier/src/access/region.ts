import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import type { Register } from "../state/register.js";

/** Offsets above this are called unbounded. */
const MAX_VARIABLE_OFFSET = 1 << 29;

/** An access to an object of known size. `size` may be 0 for helpers. */
export interface RegionAccess {
  readonly register: number;
  readonly pointer: Register;
  readonly offset: number;
  readonly size: number;
}

/** How messages name an object's size. */
type RegionName = "map_value" | "map_key" | "mem" | "pkt";

const describe = (
  name: RegionName,
  { register, pointer, size }: RegionAccess,
  offset: number,
  limit: number,
): string => {
  switch (name) {
    case "map_value":
      return `invalid access to map value, value_size=${limit} off=${offset} size=${size}`;
    case "map_key":
      return `invalid access to map key, key_size=${limit} off=${offset} size=${size}`;
    case "pkt":
      return `invalid access to packet, off=${offset} size=${size}, R${register}(id=${pointer.id},off=${offset},r=${limit})`;
    case "mem":
      return `invalid access to memory, mem_size=${limit} off=${offset} size=${size}`;
  }
};

const inside = (offset: number, size: number, limit: number): boolean => offset >= 0 && offset + size <= limit;

/**
 * Every possible access lies in the first `limit` bytes of the object: both ends of the variable part are tried, and the
 * variable part is small enough for doubles to be exact.
 */
export const checkRegion = (access: RegionAccess, limit: number, name: RegionName): void => {
  const { register, pointer, offset, size } = access;
  const fixed = pointer.offset + offset;
  const least = W.toNumber(pointer.value.s64.min);
  if (least < 0 && (fixed + least < 0 || fixed + least !== ((fixed + least) | 0))) {
    reject(
      "NEGATIVE_OFFSET",
      `R${register} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      register,
    );
  }
  if (!inside(fixed + least, size, limit)) {
    reject(
      "OUT_OF_BOUNDS",
      `${describe(name, access, fixed + least, limit)}\nR${register} min value is outside of the allowed memory range`,
      register,
    );
  }
  const most = W.toUnsignedNumber(pointer.value.u64.max);
  if (most >= MAX_VARIABLE_OFFSET) {
    reject(
      "UNBOUNDED_OFFSET",
      `R${register} unbounded memory access, make sure to bounds check any such access`,
      register,
    );
  }
  if (!inside(fixed + most, size, limit)) {
    reject(
      "OUT_OF_BOUNDS",
      `${describe(name, access, fixed + most, limit)}\nR${register} max value is outside of the allowed memory range`,
      register,
    );
  }
};
