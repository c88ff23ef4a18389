/*
 * How maps lie in linear memory. A map's handle, which programs hold as a map pointer, is the address of its header:
 * sixteen 32-bit words. All addresses in it are absolute.
 *
 * Array maps: the values one after another, `stride * cpus` bytes an entry (`cpus` is 1 unless the map is per-CPU).
 *
 * Hash maps: `buckets` words, each the address of the first element of a chain or 0; then the elements:
 *
 *    0      4      8       12      16             16 + key, rounded up to 8
 *   ┌──────┬──────┬───────┬───────┬──────────────┬──────────────────────────┐
 *   │ next │ hash │ newer │ older │ key          │ value, `stride` for a CPU │
 *   └──────┴──────┴───────┴───────┴──────────────┴──────────────────────────┘
 *
 * `next` chains the elements of a bucket, and the free elements; `newer` and `older` chain all elements of an LRU map.
 */

/** Offsets of the words of a map's header. */
export const MAP_HEADER = {
  type: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 12,
  /** Bytes from one CPU's value to the next: `valueSize` rounded up to 8. */
  stride: 16,
  /** The first value, hash element, or byte of a ring. */
  data: 20,
  /** Bytes from one entry to the next. */
  entrySize: 24,
  /** Hash: address of the bucket heads, and their number less one. */
  buckets: 28,
  bucketMask: 32,
  /** Entries in use. */
  count: 36,
  /** Hash: first free element that was in use before, and how many elements ever were. */
  free: 40,
  fresh: 44,
  /** LRU: the most and the least recently used element. Rings: position of producer and consumer. */
  newest: 48,
  oldest: 52,
  /** Rings: records that found no room. */
  lost: 56,
  /** Rings: not 0 while somebody waits for a record. */
  waiting: 60,
} as const;

/** Bytes of a map's header. */
export const MAP_HEADER_SIZE = 64;

/** Offsets of the fields of a hash element. */
export const HASH_ELEMENT = { next: 0, hash: 4, newer: 8, older: 12, key: 16 } as const;

/** `size` rounded up to a multiple of 8. */
export const roundUp8 = (size: number): number => Math.ceil(size / 8) * 8;
