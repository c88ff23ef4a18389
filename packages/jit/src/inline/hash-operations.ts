import { ERRNO, HASH_ELEMENT, UPDATE_FLAGS } from "@ebpf/runtime";
import type { Code } from "../wasm/code.js";
import { header, refuseIf, setHeader } from "./header.js";
import { copyBytes, findElement, hashKey, valueOffset } from "./map-code.js";
import type { MapPart, Operation, OperationTable } from "./map-operations.js";

/*
 * Maps of the hash family, whole: what the runtime does in TypeScript, as functions of a module that runs without it.
 * See the runtime's `maps/layout.ts` for how they lie in memory.
 */

const addToCount = (code: Code, part: MapPart, step: number): Code =>
  setHeader(code, part, "count", () => header(code, part, "count").i32(step).op("i32.add"));

const field = (code: Code, element: number, name: keyof typeof HASH_ELEMENT): Code =>
  code.get(element).memory("i32.load", HASH_ELEMENT[name]);

const setField = (code: Code, element: number, name: keyof typeof HASH_ELEMENT, push: () => Code): Code => {
  code.get(element);
  return push().memory("i32.store", HASH_ELEMENT[name]);
};

/** Leaves the address of the bucket of the hash on the stack. */
const bucketOf = (code: Code, { place }: MapPart): Code =>
  code.i32(place.bucketMask).op("i32.and").i32(2).op("i32.shl").i32(place.buckets).op("i32.add");

const isLru = ({ map }: MapPart): boolean => map.spec.type.startsWith("lru");

const KEY = 0;
const ELEMENT = 0;

/** `(key) → element or 0`. */
const find: Operation = (part) =>
  part.define("find", ["i32"], ["i32"], (code) => {
    code.get(findElement(code, part.place, KEY));
  });

/** `(element)`: takes it out of the chain of all elements of an LRU map. */
const unlink: Operation = (part) =>
  part.define("unlink", ["i32"], [], (code) => {
    const newer = code.local("i32", "newer");
    const older = code.local("i32", "older");
    field(code, ELEMENT, "newer").set(newer);
    field(code, ELEMENT, "older").set(older);
    for (const [neighbour, other, end, link] of [
      [newer, older, "newest", "older"],
      [older, newer, "oldest", "newer"],
    ] as const) {
      code.get(neighbour).op("i32.eqz").open("if");
      setHeader(code, part, end, () => code.get(other)).op("else");
      setField(code, neighbour, link, () => code.get(other)).op("end");
    }
  });

/** `(element)`: puts it at the newest end of that chain. */
const linkNewest: Operation = (part) =>
  part.define("linkNewest", ["i32"], [], (code) => {
    const newest = code.local("i32", "newest");
    setField(code, ELEMENT, "newer", () => code.i32(0));
    header(code, part, "newest").set(newest);
    setField(code, ELEMENT, "older", () => code.get(newest));
    code.get(newest).op("i32.eqz").open("if");
    setHeader(code, part, "oldest", () => code.get(ELEMENT)).op("else");
    setField(code, newest, "newer", () => code.get(ELEMENT)).op("end");
    setHeader(code, part, "newest", () => code.get(ELEMENT));
  });

/** Makes an element of an LRU map the newest. */
const touch = (code: Code, part: MapPart, element: number): void => {
  if (!isLru(part)) return;
  header(code, part, "newest").get(element).op("i32.ne").open("if");
  code.get(element).call(part.operation("unlink")).get(element).call(part.operation("linkNewest")).op("end");
};

/** `(element)`: takes it out of the map. */
const release: Operation = (part) =>
  part.define("release", ["i32"], [], (code) => {
    const link = code.local("i32", "link");
    bucketOf(field(code, ELEMENT, "hash"), part).set(link);
    const found = code.open("block");
    const next = code.open("loop");
    code.get(link).memory("i32.load").get(ELEMENT).op("i32.eq").brIf(found);
    code.get(link).memory("i32.load").i32(HASH_ELEMENT.next).op("i32.add").set(link).br(next).op("end", "end");
    code.get(link);
    field(code, ELEMENT, "next").memory("i32.store");
    setField(code, ELEMENT, "next", () => header(code, part, "free"));
    setHeader(code, part, "free", () => code.get(ELEMENT));
    addToCount(code, part, -1);
    if (isLru(part)) code.get(ELEMENT).call(part.operation("unlink"));
  });

/** Puts a free element into a local; an LRU map makes one free, any other that is full ends the function with 0. */
const takeElement = (code: Code, part: MapPart, element: number): void => {
  const { data, entrySize, maxEntries } = part.place;
  const taken = code.open("block");
  header(code, part, "free").tee(element).op("i32.eqz").open("if");
  header(code, part, "fresh").tee(element).i32(maxEntries).op("i32.lt_u").open("if");
  setHeader(code, part, "fresh", () => code.get(element).i32(1).op("i32.add"));
  code.get(element).i32(entrySize).op("i32.mul").i32(data).op("i32.add").set(element).br(taken).op("end");
  if (isLru(part)) {
    header(code, part, "oldest").call(part.operation("release"));
    header(code, part, "free").set(element).op("end");
  } else code.i32(0).op("return", "end");
  setHeader(code, part, "free", () => field(code, element, "next")).op("end");
};

/** `(key) → element`: a new one with a value of zeros; 0 when the map is full. */
const insert: Operation = (part) =>
  part.define("insert", ["i32"], ["i32"], (code) => {
    const { keySize, entrySize } = part.place;
    const [element, hash, bucket, target] = ["element", "hash", "bucket", "target"].map((name) =>
      code.local("i32", name),
    ) as [number, number, number, number];
    takeElement(code, part, element);
    hashKey(code, KEY, keySize, hash);
    bucketOf(code.get(hash), part).set(bucket);
    setField(code, element, "next", () => code.get(bucket).memory("i32.load"));
    setField(code, element, "hash", () => code.get(hash));
    code.get(bucket).get(element).memory("i32.store");
    code.get(element).i32(HASH_ELEMENT.key).op("i32.add").set(target);
    copyBytes(code, target, KEY, keySize);
    code.get(element).i32(valueOffset(part.place)).op("i32.add").i32(0);
    code.i32(entrySize - valueOffset(part.place)).memoryFill();
    addToCount(code, part, 1);
    if (isLru(part)) code.get(element).call(part.operation("linkNewest"));
    code.get(element);
  });

const lookup: Operation = (part) =>
  part.define("lookup", ["i32"], ["i32"], (code) => {
    const element = findElement(code, part.place, KEY);
    code.get(element).op("i32.eqz").open("if");
    code.i32(0).op("return", "end");
    touch(code, part, element);
    code.get(element).i32(valueOffset(part.place)).op("i32.add");
  });

const update: Operation = (part) =>
  part.define("update", ["i32", "i32", "i32"], ["i32"], (code) => {
    const [VALUE, FLAGS] = [1, 2] as const;
    refuseIf(code.get(FLAGS).i32(UPDATE_FLAGS.exist).op("i32.gt_u"), ERRNO.EINVAL);
    const element = findElement(code, part.place, KEY);
    code.get(element).open("if");
    refuseIf(code.get(FLAGS).i32(UPDATE_FLAGS.noExist).op("i32.eq"), ERRNO.EEXIST);
    touch(code, part, element);
    code.op("else");
    refuseIf(code.get(FLAGS).i32(UPDATE_FLAGS.exist).op("i32.eq"), ERRNO.ENOENT);
    refuseIf(code.get(KEY).call(part.operation("insert")).tee(element).op("i32.eqz"), ERRNO.E2BIG);
    code.op("end").get(element).i32(valueOffset(part.place)).op("i32.add").set(element);
    copyBytes(code, element, VALUE, part.place.valueSize);
    code.i32(0);
  });

const remove: Operation = (part) =>
  part.define("delete", ["i32"], ["i32"], (code) => {
    const element = code.local("i32", "element");
    refuseIf(code.get(KEY).call(part.operation("find")).tee(element).op("i32.eqz"), ERRNO.ENOENT);
    code.get(element).call(part.operation("release")).i32(0);
  });

/** `(key or 0) → key or 0`: the keys of all entries, one after another; both are addresses in the map itself. */
const next: Operation = (part) =>
  part.define("next", ["i32"], ["i32"], (code) => {
    const { buckets, bucketMask } = part.place;
    const end = buckets + 4 * (bucketMask + 1);
    const bucket = code.local("i32", "bucket");
    const element = code.local("i32", "element");
    const found = code.open("block");
    code.get(KEY).open("if");
    code.get(KEY).i32(HASH_ELEMENT.key).op("i32.sub").tee(element).memory("i32.load", HASH_ELEMENT.hash);
    bucketOf(code, part).i32(4).op("i32.add").set(bucket);
    field(code, element, "next").tee(element).brIf(found).op("else").i32(buckets).set(bucket).op("end");
    const again = code.open("loop");
    code.get(bucket).i32(end).op("i32.eq").open("if");
    code.i32(0).op("return", "end");
    code.get(bucket).memory("i32.load").set(element).get(bucket).i32(4).op("i32.add").set(bucket);
    code.get(element).op("i32.eqz").brIf(again).op("end", "end");
    code.get(element).i32(HASH_ELEMENT.key).op("i32.add");
  });

/** `hash`, `lru_hash`, and their per-CPU variants on one CPU. */
export const HASH_OPERATIONS: OperationTable = {
  find,
  unlink,
  linkNewest,
  release,
  insert,
  lookup,
  update,
  delete: remove,
  next,
};
