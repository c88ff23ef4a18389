import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ERRNO,
  type PerfEventArray,
  type QueueMap,
  type RingBufferMap,
  Runtime,
  UPDATE_FLAGS,
} from "../../src/index.js";
import { bytesOf, mapOf, numberOf } from "../support/program.js";

const ringBuffer = (size = 4096): { readonly runtime: Runtime; readonly map: RingBufferMap } => {
  const runtime = new Runtime({ memoryPages: 16 });
  const map = runtime.createMap(mapOf({ type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: size }));
  return { runtime, map: map as RingBufferMap };
};

/** Puts out a record as a program would. */
const put = ({ runtime, map }: ReturnType<typeof ringBuffer>, data: Uint8Array): boolean => {
  const address = map.ring.reserve(data.length);
  if (address === 0) return false;
  runtime.memory.bytes.set(data, address);
  return map.ring.commit(address, false);
};

describe("ringbuf", () => {
  it("keeps order, and leaves out what was discarded", () => {
    const buffer = ringBuffer();
    put(buffer, bytesOf(1, 3));
    const dropped = buffer.map.ring.reserve(8);
    put(buffer, bytesOf(3, 5));
    buffer.map.ring.commit(dropped, true);
    expect(buffer.map.drain().map((bytes) => [bytes.length, numberOf(bytes)])).toEqual([
      [3, 1n],
      [5, 3n],
    ]);
  });

  it("holds back what follows a record that is not submitted", () => {
    const buffer = ringBuffer();
    const first = buffer.map.ring.reserve(8);
    put(buffer, bytesOf(2, 8));
    expect(buffer.map.drain()).toEqual([]);
    buffer.map.ring.commit(first, false);
    expect(buffer.map.drain()).toHaveLength(2);
  });

  it("is full where the kernel's is: 8 bytes a header, one unit never used", () => {
    const buffer = ringBuffer();
    // 4096 / 16 is 256 records of 8 bytes, of which the last does not fit.
    let count = 0;
    while (put(buffer, bytesOf(count, 8))) count++;
    expect(count).toBe(255);
    expect(buffer.map.lost).toBe(1);
    buffer.map.drain();
    expect(put(buffer, bytesOf(9, 8))).toBe(true);
    expect(buffer.map.ring.reserve(4096)).toBe(0);
    expect(buffer.map.ring.reserve(0xffff_ffff)).toBe(0);
  });

  it("gives back what was put in, across the end of the ring", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 60 }), (records) => {
        const buffer = ringBuffer();
        const pending: Uint8Array[] = [];
        for (const record of records) {
          if (!put(buffer, record)) {
            expect(buffer.map.drain()).toEqual(pending.splice(0));
            expect(put(buffer, record)).toBe(true);
          }
          pending.push(record);
        }
        expect(buffer.map.drain()).toEqual(pending);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it("is an async iterator that leaves records in the ring until they are asked for", async () => {
    const buffer = ringBuffer();
    put(buffer, bytesOf(1, 8));
    put(buffer, bytesOf(2, 8));
    const records = buffer.map.records();
    expect(numberOf((await records.next()).value as Uint8Array)).toBe(1n);
    expect(buffer.map.ring.pending).toBe(16);
    expect(numberOf((await records.next()).value as Uint8Array)).toBe(2n);
    const waiting = records.next();
    put(buffer, bytesOf(3, 8));
    expect(numberOf((await waiting).value as Uint8Array)).toBe(3n);
    const last = records.next();
    buffer.map.close();
    expect((await last).done).toBe(true);
  });
});

describe("perf_event_array", () => {
  it("has an event for each CPU when the object leaves their number open", () => {
    const runtime = new Runtime({ memoryPages: 64, cpus: 3 });
    const map = runtime.createMap(mapOf({ type: "perf_event_array", valueSize: 4, maxEntries: 0 })) as PerfEventArray;
    expect(map.events).toBe(3);
    expect(map.drain()).toEqual([]);
  });
});

describe.each(["queue", "stack"] as const)("%s", (type) => {
  const make = (): QueueMap =>
    new Runtime({ memoryPages: 8 }).createMap(mapOf({ type, keySize: 0, maxEntries: 3 })) as QueueMap;
  const value = (n: number) => bytesOf(n, 8);

  it("gives values back in its order", () => {
    const map = make();
    for (const n of [1, 2, 3]) expect(map.push(value(n))).toBe(0);
    expect(map.push(value(4))).toBe(-ERRNO.E2BIG);
    expect(numberOf(map.peek())).toBe(type === "queue" ? 1n : 3n);
    const all = [map.pop(), map.pop(), map.pop()].map((bytes) => numberOf(bytes));
    expect(all).toEqual(type === "queue" ? [1n, 2n, 3n] : [3n, 2n, 1n]);
    expect(map.pop()).toBeUndefined();
  });

  it("drops the oldest when it is told to", () => {
    const map = make();
    for (const n of [1, 2, 3, 4]) expect(map.push(value(n), UPDATE_FLAGS.exist)).toBe(0);
    const all = [map.pop(), map.pop(), map.pop()].map((bytes) => numberOf(bytes));
    expect(all).toEqual(type === "queue" ? [2n, 3n, 4n] : [4n, 3n, 2n]);
    expect(map.push(value(1), UPDATE_FLAGS.noExist)).toBe(-ERRNO.EINVAL);
  });
});
