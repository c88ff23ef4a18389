import { HASH_ELEMENT, HASH_MULTIPLIER, MAP_HEADER, type RuntimeMap } from "@ebpf/runtime";
import type { Code } from "../wasm/code.js";

/** Where a map lies, read from its header: constants of the code that is made for it. */
export interface MapPlace {
  readonly handle: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly data: number;
  readonly entrySize: number;
  readonly buckets: number;
  readonly bucketMask: number;
}

export const placeOf = (map: RuntimeMap, cell: (address: number) => number): MapPlace => {
  const word = (name: keyof typeof MAP_HEADER): number => cell(map.handle + MAP_HEADER[name]);
  return {
    handle: map.handle,
    keySize: word("keySize"),
    valueSize: word("valueSize"),
    maxEntries: word("maxEntries"),
    data: word("data"),
    entrySize: word("entrySize"),
    buckets: word("buckets"),
    bucketMask: word("bucketMask"),
  };
};

/** Leaves the address of the value at the index in a local, or 0 behind the end of the array. */
export const pushArrayValue = (code: Code, { data, entrySize, maxEntries }: MapPlace, index: number): void => {
  code.get(index).i32(maxEntries).op("i32.lt_u").open("if", "i32");
  code.get(index).i32(entrySize).op("i32.mul").i32(data).op("i32.add", "else").i32(0).op("end");
};

/** Mixes the word on the stack into the hash in a local. */
const mixWord = (code: Code, hash: number): void => {
  code.get(hash).op("i32.xor").i32(HASH_MULTIPLIER).op("i32.mul").tee(hash);
  code.get(hash).i32(15).op("i32.shr_u", "i32.xor").set(hash);
};

/** Hashes the key at the address in a local, as the runtime does, into another. */
export const hashKey = (code: Code, key: number, size: number, hash: number): void => {
  code.i32(size).set(hash);
  const whole = size & ~3;
  for (let at = 0; at < whole; at += 4) {
    code.get(key).memory("i32.load", at);
    mixWord(code, hash);
  }
  if (size !== whole) {
    for (let at = whole; at < size; at++) {
      code.get(key).memory("i32.load8_u", at);
      if (at > whole) {
        code.i32(8 * (at - whole)).op("i32.shl", "i32.or");
      }
    }
    mixWord(code, hash);
  }
  code.get(hash).get(hash).i32(16).op("i32.shr_u", "i32.xor").set(hash);
};

/** The largest piece of a key that is compared at once. */
const pieceAt = (at: number, size: number) => {
  if (size - at >= 8) return { bytes: 8, load: "i64.load", equal: "i64.eq" } as const;
  if (size - at >= 4) return { bytes: 4, load: "i32.load", equal: "i32.eq" } as const;
  return { bytes: 1, load: "i32.load8_u", equal: "i32.eq" } as const;
};

/** Leaves on the stack whether the element in a local has the key at the address in another. */
const pushSameKey = (code: Code, element: number, key: number, size: number): void => {
  for (let at = 0; at < size; ) {
    const { bytes, load, equal } = pieceAt(at, size);
    code.get(element).memory(load, HASH_ELEMENT.key + at);
    code.get(key).memory(load, at).op(equal);
    if (at > 0) code.op("i32.and");
    at += bytes;
  }
};

/** Puts the element with the key at the address in a local into another local, 0 when the map has none. */
export const findElement = (code: Code, place: MapPlace, key: number): number => {
  const { keySize, buckets, bucketMask } = place;
  const hash = code.local("i32");
  const element = code.local("i32");
  hashKey(code, key, keySize, hash);
  code.get(hash).i32(bucketMask).op("i32.and").i32(2).op("i32.shl").memory("i32.load", buckets).set(element);
  const found = code.open("block");
  const next = code.open("loop");
  code.get(element).op("i32.eqz").brIf(found);
  code.get(element).memory("i32.load", HASH_ELEMENT.hash).get(hash).op("i32.eq").open("if");
  pushSameKey(code, element, key, keySize);
  code.brIf(found).op("end");
  code.get(element).memory("i32.load", HASH_ELEMENT.next).set(element).br(next).op("end", "end");
  return element;
};

/** Bytes between the start of an element and its value. */
export const valueOffset = ({ keySize }: MapPlace): number => HASH_ELEMENT.key + Math.ceil(keySize / 8) * 8;

/** Values up to this size are copied word by word, larger ones by one instruction. */
const MAX_UNROLLED = 64;

/** Copies `size` bytes from the address in a local to that in another. */
export const copyBytes = (code: Code, target: number, source: number, size: number): void => {
  if (size > MAX_UNROLLED) {
    code.get(target).get(source).i32(size).memoryCopy();
    return;
  }
  for (let at = 0; at < size; ) {
    const { bytes, load } = pieceAt(at, size);
    const store = bytes === 8 ? "i64.store" : bytes === 4 ? "i32.store" : "i32.store8";
    code.get(target).get(source).memory(load, at).memory(store, at);
    at += bytes;
  }
};
