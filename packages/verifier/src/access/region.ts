import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import type { Register } from "../state/register.js";

/** Offsets above this are called unbounded. */
const MAX_VARIABLE_OFFSET = 1 << 29;

/** An access to an object of known size. */
export interface RegionAccess {
  readonly register: number;
  readonly pointer: Register;
  readonly offset: number;
  /** May be 0 for helpers. */
  readonly size: number;
  /** That there is nothing to access is refused. */
  readonly neverEmpty?: boolean;
}

/** How messages name an object's size. */
type RegionName = "map_value" | "map_key" | "mem";

const describe = (name: RegionName, { size }: RegionAccess, offset: number, limit: number): string => {
  switch (name) {
    case "map_value":
      return `invalid access to map value, value_size=${limit} off=${offset} size=${size | 0}`;
    case "map_key":
      return `invalid access to map key, key_size=${limit} off=${offset} size=${size | 0}`;
    case "mem":
      return `invalid access to memory, mem_size=${limit} off=${offset} size=${size | 0}`;
  }
};

const inside = ({ size, neverEmpty }: RegionAccess, offset: number, limit: number): boolean =>
  offset >= 0 && offset + size <= limit && !(size === 0 && neverEmpty);

/**
 * Every possible access lies in the first `limit` bytes of the object: both ends of the variable part are tried, and the
 * variable part is small enough for doubles to be exact.
 */
export const checkRegion = (access: RegionAccess, limit: number, name: RegionName): void => {
  const { register, pointer, offset } = access;
  const fixed = pointer.offset + offset;
  const least = W.toNumber(pointer.value.s64.min);
  if (least < 0 && (fixed + least < 0 || fixed + least !== ((fixed + least) | 0))) {
    reject(
      "NEGATIVE_OFFSET",
      `R${register} min value is negative, either use unsigned index or do a if (index >=0) check.`,
      register,
    );
  }
  if (!inside(access, fixed + least, limit)) {
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
  if (!inside(access, fixed + most, limit)) {
    reject(
      "OUT_OF_BOUNDS",
      `${describe(name, access, fixed + most, limit)}\nR${register} max value is outside of the allowed memory range`,
      register,
    );
  }
};
