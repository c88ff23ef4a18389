import type { MapSpec } from "@ebpf/platform";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ERRNO, KeyedMap, Runtime, RuntimeError, UPDATE_FLAGS } from "../../src/index.js";
import { bytesOf, mapOf, numberOf } from "../support/program.js";

const runtime = new Runtime({ memoryPages: 64, cpus: 2, cpu: () => 1 });

const keyed = (spec: Parameters<typeof mapOf>[0], on = runtime): KeyedMap => {
  const map = on.createMap(mapOf(spec));
  if (!(map instanceof KeyedMap)) throw new Error("not keyed");
  return map;
};

const key = (value: number): Uint8Array => bytesOf(value, 4);
const value = (number: number): Uint8Array => bytesOf(number, 8);
const contents = (map: KeyedMap): Map<bigint, bigint> =>
  new Map([...map.entries()].map(([k, v]) => [numberOf(k)!, numberOf(v)!]));

describe("array", () => {
  it("holds zeros from the start, and every index below its size", () => {
    const map = keyed({ type: "array", maxEntries: 3 });
    expect(numberOf(map.lookup(key(2)))).toBe(0n);
    expect(map.lookup(key(3))).toBeUndefined();
    expect(map.update(key(1), value(7))).toBe(0);
    expect([...contents(map)]).toEqual([
      [0n, 0n],
      [1n, 7n],
      [2n, 0n],
    ]);
  });

  it("refuses as the kernel does", () => {
    const map = keyed({ type: "array", maxEntries: 3 });
    expect(map.update(key(3), value(1))).toBe(-ERRNO.E2BIG);
    expect(map.update(key(0), value(1), UPDATE_FLAGS.noExist)).toBe(-ERRNO.EEXIST);
    expect(map.update(key(0), value(1), 3)).toBe(-ERRNO.EINVAL);
    expect(map.delete(key(0))).toBe(-ERRNO.EINVAL);
  });
});

describe("hash", () => {
  it("refuses as the kernel does", () => {
    const map = keyed({ type: "hash", maxEntries: 2 });
    expect(map.update(key(1), value(1), UPDATE_FLAGS.exist)).toBe(-ERRNO.ENOENT);
    expect(map.update(key(1), value(1), UPDATE_FLAGS.noExist)).toBe(0);
    expect(map.update(key(1), value(2), UPDATE_FLAGS.noExist)).toBe(-ERRNO.EEXIST);
    expect(map.update(key(2), value(2))).toBe(0);
    expect(map.update(key(3), value(3))).toBe(-ERRNO.E2BIG);
    expect(map.delete(key(3))).toBe(-ERRNO.ENOENT);
    expect(map.delete(key(1))).toBe(0);
    expect(map.update(key(3), value(3))).toBe(0);
    expect([...contents(map)].sort()).toEqual([
      [2n, 2n],
      [3n, 3n],
    ]);
  });

  const operation = fc.record({
    kind: fc.constantFrom("update", "delete", "lookup"),
    key: fc.integer({ min: 0, max: 40 }),
    value: fc.integer({ min: 0, max: 1000 }),
  });

  it.each([1, 3, 4, 7, 16])("behaves like a Map for keys of %i bytes", (keySize) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const on = new Runtime({ memoryPages: 8 });
        const map = keyed({ type: "hash", keySize, valueSize: 5, maxEntries: 16 }, on);
        const model = new Map<number, number>();
        for (const { kind, key, value } of operations) {
          const keyBytes = bytesOf(key * 5, keySize);
          if (kind === "update") {
            const full = model.size === 16 && !model.has(key);
            expect(map.update(keyBytes, bytesOf(value, 5))).toBe(full ? -ERRNO.E2BIG : 0);
            if (!full) model.set(key, value);
          } else if (kind === "delete") {
            expect(map.delete(keyBytes)).toBe(model.delete(key) ? 0 : -ERRNO.ENOENT);
          } else {
            const expected = model.get(key);
            expect(numberOf(map.lookup(keyBytes))).toBe(expected === undefined ? undefined : BigInt(expected));
          }
        }
        const left = [...map.entries()].map(([k, v]) => [Number(numberOf(k)) / 5, Number(numberOf(v))] as const);
        expect(new Map(left)).toEqual(model);
      }),
      { seed: 1, numRuns: 30 },
    );
  });

  it("zeroes the value of a new entry before it is written, so that nothing of a deleted one shows", () => {
    const map = keyed({ type: "percpu_hash", maxEntries: 1 });
    map.updatePerCpu(key(1), [value(11), value(12)]);
    map.delete(key(1));
    const staged = runtime.memory.allocate(16, "test");
    runtime.memory.bytes.set(value(9), staged + 8);
    runtime.memory.bytes.set(key(2), staged);
    expect(map.programUpdate(staged, staged + 8, 0)).toBe(0);
    // The program ran on CPU 1.
    expect(map.lookupPerCpu(key(2))!.map((bytes) => numberOf(bytes))).toEqual([0n, 9n]);
  });

  it("writes entries in a batch until one is refused", () => {
    const map = keyed({ type: "hash", maxEntries: 2 });
    const entries = [1, 2, 3, 4].map((n) => [key(n), value(n)] as const);
    expect(map.updateBatch(entries)).toEqual({ count: 2, error: -ERRNO.E2BIG });
  });
});

describe("lru_hash", () => {
  it("drops the entry that was not used for longest", () => {
    const map = keyed({ type: "lru_hash", maxEntries: 3 });
    for (const n of [1, 2, 3]) map.update(key(n), value(n));
    const staged = runtime.memory.allocate(8, "test");
    runtime.memory.bytes.set(key(1), staged);
    expect(map.programLookup(staged)).not.toBe(0);
    map.update(key(4), value(4));
    expect([...contents(map).keys()].sort()).toEqual([1n, 3n, 4n]);
    map.update(key(3), value(30));
    map.update(key(5), value(5));
    expect([...contents(map).keys()].sort()).toEqual([3n, 4n, 5n]);
  });
});

describe("per-CPU maps", () => {
  it.each(["percpu_array", "percpu_hash", "lru_percpu_hash"] as const)("%s has a value for each CPU", (type) => {
    const map = keyed({ type, valueSize: 4, maxEntries: 2 });
    expect(map.updatePerCpu(key(1), [bytesOf(5, 4), bytesOf(6, 4)])).toBe(0);
    expect(map.lookupPerCpu(key(1))!.map((bytes) => numberOf(bytes))).toEqual([5n, 6n]);
    expect(() => map.lookup(key(1))).toThrow(expect.objectContaining({ code: "BAD_OPERATION" }));
    expect(() => map.updatePerCpu(key(1), [bytesOf(5, 4)])).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
  });

  it("give programs the value of their CPU", () => {
    const map = keyed({ type: "percpu_array", maxEntries: 2 });
    map.updatePerCpu(key(1), [value(5), value(6)]);
    const staged = runtime.memory.allocate(8, "test");
    runtime.memory.bytes.set(key(1), staged);
    expect(runtime.memory.view.getBigUint64(map.programLookup(staged), true)).toBe(6n);
    expect(runtime.memory.view.getBigUint64(map.programLookupOnCpu(staged, 0), true)).toBe(5n);
    expect(map.programLookupOnCpu(staged, 2)).toBe(0);
  });
});

describe("lpm_trie", () => {
  const prefix = (length: number, ...bytes: number[]): Uint8Array => Uint8Array.from([length, 0, 0, 0, ...bytes]);
  const spec = { type: "lpm_trie", keySize: 8, maxEntries: 8, flags: 1 } as const;

  it("finds the longest prefix", () => {
    const map = keyed(spec);
    map.update(prefix(0, 0, 0, 0, 0), value(1));
    map.update(prefix(8, 10, 0, 0, 0), value(2));
    map.update(prefix(20, 10, 1, 0xf0, 0), value(3));
    map.update(prefix(32, 10, 1, 0xf0, 9), value(4));
    const find = (...bytes: number[]) => numberOf(map.lookup(prefix(32, ...bytes)));
    expect(find(11, 0, 0, 1)).toBe(1n);
    expect(find(10, 2, 0, 1)).toBe(2n);
    expect(find(10, 1, 0xff, 1)).toBe(3n);
    expect(find(10, 1, 0xf0, 9)).toBe(4n);
    expect(find(10, 1, 0xef, 9)).toBe(2n);
    expect(map.delete(prefix(20, 10, 1, 0xf0, 0))).toBe(0);
    expect(find(10, 1, 0xff, 1)).toBe(2n);
  });

  it("takes keys for equal that differ behind their prefix", () => {
    const map = keyed(spec);
    map.update(prefix(12, 10, 0x1f, 7, 7), value(1));
    expect(map.update(prefix(12, 10, 0x10, 9, 9), value(2), UPDATE_FLAGS.exist)).toBe(0);
    expect([...map.entries()].map(([k]) => [...k])).toEqual([[12, 0, 0, 0, 10, 0x10, 0, 0]]);
  });

  it("agrees with a search through all prefixes", () => {
    const entry = fc.tuple(fc.integer({ min: 0, max: 16 }), fc.integer({ min: 0, max: 0xffff }));
    const bits = ([length, word]: readonly [number, number]) => word.toString(2).padStart(16, "0").slice(0, length);
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.array(entry, { maxLength: 20 }), (entries, asked) => {
        const map = keyed({ ...spec, keySize: 6, maxEntries: 64 }, new Runtime({ memoryPages: 8 }));
        const bytes = ([length, word]: readonly [number, number]) => prefix(length, word >> 8, word & 0xff);
        const model = new Map<string, number>();
        entries.forEach((one, index) => {
          map.update(bytes(one), value(index));
          model.set(bits(one), index);
        });
        for (const one of asked) {
          const matching = [...model.keys()].filter((known) => bits(one).startsWith(known));
          const longest = matching.sort((a, b) => b.length - a.length)[0];
          const expected = longest === undefined ? undefined : BigInt(model.get(longest)!);
          expect(numberOf(map.lookup(bytes(one)))).toBe(expected);
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it("refuses prefixes longer than its keys", () => {
    expect(keyed(spec).update(prefix(33, 1, 2, 3, 4), value(1))).toBe(-ERRNO.EINVAL);
    expect(keyed(spec).lookup(prefix(33, 1, 2, 3, 4))).toBeUndefined();
  });
});

describe("frozen and read-only maps", () => {
  it("refuse the host once they are frozen, and keep what they began with", () => {
    const map = keyed({ type: "array", maxEntries: 1, frozen: true, initial: [{ key: key(0), value: value(5) }] });
    expect(map.update(key(0), value(6))).toBe(-ERRNO.EPERM);
    expect(numberOf(map.lookup(key(0)))).toBe(5n);
  });

  it("refuse the side that their flags name", () => {
    const readOnlyUser = keyed({ type: "hash", flags: 1 << 3 });
    expect(readOnlyUser.update(key(1), value(1))).toBe(-ERRNO.EPERM);
    const readOnlyProgram = keyed({ type: "hash", flags: 1 << 7 });
    expect(readOnlyProgram.update(key(1), value(1))).toBe(0);
    const staged = runtime.memory.allocate(16, "test");
    expect(readOnlyProgram.programUpdate(staged, staged + 8, 0)).toBe(-ERRNO.EPERM);
  });
});

describe("what no map can be", () => {
  const codeOf = (spec: MapSpec): string => {
    try {
      runtime.createMap(spec);
    } catch (error) {
      if (error instanceof RuntimeError) return error.code;
      throw error;
    }
    return "created";
  };

  it.each([
    ["an array with keys of 8 bytes", { type: "array", keySize: 8 }, "BAD_MAP"],
    ["no entries", { type: "hash", maxEntries: 0 }, "BAD_MAP"],
    ["a hash without values", { type: "hash", valueSize: 0 }, "BAD_MAP"],
    ["a hash with huge keys", { type: "hash", keySize: 513 }, "BAD_MAP"],
    ["entries that are no number", { type: "hash", maxEntries: Number.NaN }, "BAD_MAP"],
    ["a ring buffer of 5,000 bytes", { type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 5000 }, "BAD_MAP"],
    ["a trie with keys of 4 bytes", { type: "lpm_trie", keySize: 4 }, "BAD_MAP"],
    ["a queue with keys", { type: "queue" }, "BAD_MAP"],
    ["more than the memory", { type: "hash", maxEntries: 1 << 30 }, "LIMIT"],
    ["a type without implementation", { type: "task_storage" }, "UNSUPPORTED_MAP"],
  ] as const)("%s", (_name, spec, code) => {
    expect(codeOf(mapOf(spec))).toBe(code);
  });

  it("a key or value of the wrong length", () => {
    const map = keyed({ type: "hash" });
    expect(() => map.lookup(bytesOf(1, 3))).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
    expect(() => map.update(key(1), bytesOf(1, 9))).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
  });
});
