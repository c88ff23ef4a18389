import { linux, type MapSpec, type MapTypeName } from "@ebpf/platform";
import { HEAP_BASE, PACKET_BASE, Runtime, type RuntimeMap } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildArtifact } from "../../src/index.js";

/*
 * Maps of an artifact against those of the runtime: the same operations must give the same answers and leave the same
 * bytes behind, as both lie at the same addresses.
 */

const KEY = PACKET_BASE;
const VALUE = PACKET_BASE + 0x100;
const MEMORY_PAGES = 8;

type Exports = Readonly<Record<string, (...words: number[]) => number>>;

class Twins {
  readonly runtime: Runtime;
  readonly map: RuntimeMap;
  readonly exports: Exports;
  readonly #memory: Uint8Array;

  constructor(type: MapTypeName, sizes: Partial<MapSpec> = {}) {
    this.runtime = new Runtime({ platform: linux, memoryPages: MEMORY_PAGES });
    const spec = { name: "m", type, keySize: 4, valueSize: 12, maxEntries: 5, flags: 0, ...sizes };
    this.map = this.runtime.createMap(spec);
    const { wasm } = buildArtifact([], this.runtime, { maps: new Map([[1, this.map]]) });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>));
    this.exports = instance.exports as unknown as Exports;
    this.#memory = new Uint8Array((instance.exports.memory as WebAssembly.Memory).buffer);
  }

  write(address: number, bytes: Uint8Array): void {
    this.runtime.memory.bytes.set(bytes, address);
    this.#memory.set(bytes, address);
  }

  call(operation: string, ...words: number[]): number {
    return this.exports[`m.${operation}`]!(...words);
  }

  /** Bytes of the runtime's heap and of the artifact's. */
  heaps(): readonly [Uint8Array, Uint8Array] {
    const { bytes, heapEnd } = this.runtime.memory;
    return [bytes.slice(HEAP_BASE, heapEnd), this.#memory.slice(HEAP_BASE, heapEnd)];
  }

  expectSameHeaps(): void {
    const [ours, theirs] = this.heaps();
    expect(Buffer.compare(ours, theirs)).toBe(0);
  }
}

const step = fc.record({
  operation: fc.constantFrom("lookup", "update", "update", "update", "delete"),
  key: fc.nat(8),
  fill: fc.nat(255),
  flags: fc.nat(3),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Does the step on both maps. @returns both answers */
const apply = (twins: Twins, { operation, key, fill, flags }: Step): readonly [number, number] => {
  const { map } = twins;
  const bytes = new Uint8Array(map.spec.keySize);
  // Keys differ in their first word and in their last byte.
  bytes[0] = key;
  bytes[bytes.length - 1]! ^= key & 1;
  twins.write(KEY, bytes);
  twins.write(VALUE, new Uint8Array(map.spec.valueSize).fill(fill));
  switch (operation) {
    case "lookup":
      return [map.programLookup(KEY), twins.call("lookup", KEY)];
    case "delete":
      return [map.programDelete(KEY), twins.call("delete", KEY)];
    default:
      return [map.programUpdate(KEY, VALUE, flags), twins.call("update", KEY, VALUE, flags)];
  }
};

describe("keyed maps of an artifact do what those of the runtime do", () => {
  it.each<readonly [MapTypeName, Partial<MapSpec>]>([
    ["array", {}],
    ["percpu_array", { valueSize: 80 }],
    ["hash", {}],
    ["hash", { keySize: 7, valueSize: 1 }],
    ["hash", { keySize: 16, valueSize: 100, maxEntries: 4 }],
    ["percpu_hash", {}],
    ["lru_hash", {}],
    ["lru_hash", { keySize: 9, maxEntries: 1 }],
    ["lru_percpu_hash", {}],
  ])("%s %o", (type, sizes) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const twins = new Twins(type, sizes);
        for (const one of steps) {
          const [ours, theirs] = apply(twins, one);
          expect(theirs).toBe(ours);
        }
        twins.expectSameHeaps();
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  it("gives all keys of a hash one after another", () => {
    const twins = new Twins("hash", { maxEntries: 64 });
    const keys = Array.from({ length: 50 }, (_, index) => (index * 7) & 0xff);
    for (const key of keys) {
      twins.write(KEY, Uint8Array.of(key, 0, 0, 0));
      expect(twins.call("update", KEY, VALUE, 0)).toBe(0);
    }
    const memory = new Uint8Array((twins.exports as unknown as { memory: WebAssembly.Memory }).memory.buffer);
    const seen: number[] = [];
    for (let key = twins.call("next", 0); key !== 0; key = twins.call("next", key)) seen.push(memory[key]!);
    expect(seen.sort((a, b) => a - b)).toEqual(keys.sort((a, b) => a - b));
  });
});

describe("queues and stacks of an artifact do what those of the runtime do", () => {
  const operation = fc.record({
    name: fc.constantFrom("push", "push", "pop", "peek"),
    fill: fc.nat(255),
    flags: fc.constantFrom(0, 2, 1),
  });

  it.each<MapTypeName>(["queue", "stack"])("%s", (type) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const twins = new Twins(type, { keySize: 0, maxEntries: 3 });
        const { map } = twins;
        for (const { name, fill, flags } of operations) {
          twins.write(VALUE, new Uint8Array(12).fill(fill));
          const ours = {
            push: () => map.programPush(VALUE, flags),
            pop: () => map.programPop(VALUE),
            peek: () => map.programPeek(VALUE),
          }[name]();
          expect(twins.call(name, ...(name === "push" ? [VALUE, flags] : [VALUE]))).toBe(ours);
        }
        twins.expectSameHeaps();
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});
