import { ERRNO, UPDATE_FLAGS } from "@ebpf/runtime";
import type { Code } from "../wasm/code.js";
import { header, refuseIf, setHeader } from "./header.js";
import { copyBytes } from "./map-code.js";
import type { MapPart, Operation, OperationTable } from "./map-operations.js";

/*
 * Ring buffers, queues and stacks, as the runtime does them in TypeScript (`maps/ring.ts`, `maps/queue.ts`).
 */

/** A record begins with two words: its length with these flags, and a tag. */
const RECORD_HEADER = 8;
const BUSY = 0x8000_0000 | 0;
const DISCARDED = 0x4000_0000;

/** Makes the size on the stack that of a record with its header. */
const recordSize = (code: Code): Code =>
  code
    .i32(RECORD_HEADER + 7)
    .op("i32.add")
    .i32(-8)
    .op("i32.and");

/** Leaves the address of the record at the position on the stack. */
const recordAt = (code: Code, { place, map }: MapPart): Code =>
  code
    .i32(map.spec.maxEntries - 1)
    .op("i32.and")
    .i32(place.data)
    .op("i32.add");

const reserve: Operation = (part) =>
  part.define("reserve", ["i32"], ["i32"], (code) => {
    const SIZE = 0;
    const { maxEntries } = part.place;
    const [producer, record] = [code.local("i32", "producer"), code.local("i32", "record")];
    header(code, part, "newest").tee(producer);
    header(code, part, "oldest").op("i32.sub");
    recordSize(code.get(SIZE)).op("i32.add").i32(maxEntries).op("i32.ge_u");
    // A size near 2^32 wraps around.
    code.get(SIZE).i32(maxEntries).op("i32.ge_u", "i32.or").open("if");
    setHeader(code, part, "lost", () => header(code, part, "lost").i32(1).op("i32.add"));
    code.i32(0).op("return", "end");
    recordAt(code.get(producer), part).tee(record);
    code.get(SIZE).i32(BUSY).op("i32.or").memory("i32.store");
    code.get(record).i32(0).memory("i32.store", 4);
    setHeader(code, part, "newest", () => recordSize(code.get(SIZE)).get(producer).op("i32.add"));
    code.get(record).i32(RECORD_HEADER).op("i32.add");
  });

/** `(record, 1 to discard)` */
const commit: Operation = (part) =>
  part.define("commit", ["i32", "i32"], [], (code) => {
    const [RECORD, DISCARD] = [0, 1] as const;
    code.get(RECORD).i32(RECORD_HEADER).op("i32.sub").tee(RECORD);
    code.get(RECORD).memory("i32.load").i32(~BUSY).op("i32.and");
    code.get(DISCARD).open("if", "i32");
    code.i32(DISCARDED).op("else").i32(0).op("end", "i32.or").memory("i32.store");
    if (part.arrived === undefined) return;
    header(code, part, "waiting").open("if");
    code.i32(part.place.handle).call(part.arrived()).op("end");
  });

/** `() → record`: takes the oldest one out; its length is the word 8 bytes before it. 0 when there is none. */
const take: Operation = (part) =>
  part.define("take", [], ["i32"], (code) => {
    const [consumer, record, word] = ["consumer", "record", "word"].map((name) => code.local("i32", name)) as [
      number,
      number,
      number,
    ];
    const next = code.open("loop");
    header(code, part, "oldest").tee(consumer);
    header(code, part, "newest").op("i32.eq").open("if");
    code.i32(0).op("return", "end");
    recordAt(code.get(consumer), part).tee(record).memory("i32.load").tee(word).i32(0).op("i32.lt_s").open("if");
    code.i32(0).op("return", "end");
    setHeader(code, part, "oldest", () => {
      return recordSize(code.get(word).i32(~DISCARDED).op("i32.and")).get(consumer).op("i32.add");
    });
    code.get(word).i32(DISCARDED).op("i32.and").brIf(next).op("end");
    code.get(record).i32(RECORD_HEADER).op("i32.add");
  });

/** `ringbuf` */
export const RING_OPERATIONS: OperationTable = { reserve, commit, take };

/** Leaves the address of the slot whose index, not yet reduced, is on the stack. */
const slotAt = (code: Code, { place }: MapPart): Code =>
  code.i32(place.maxEntries).op("i32.rem_u").i32(place.entrySize).op("i32.mul").i32(place.data).op("i32.add");

/** Drops the value that has been in the map for longest. */
const dropOldest = (code: Code, part: MapPart): void => {
  setHeader(code, part, "oldest", () => {
    return header(code, part, "oldest").i32(1).op("i32.add").i32(part.place.maxEntries).op("i32.rem_u");
  });
  dropOne(code, part);
};

const dropOne = (code: Code, part: MapPart): void => {
  setHeader(code, part, "count", () => header(code, part, "count").i32(1).op("i32.sub"));
};

const push: Operation = (part) =>
  part.define("push", ["i32", "i32"], ["i32"], (code) => {
    const [VALUE, FLAGS] = [0, 1] as const;
    const slot = code.local("i32", "slot");
    refuseIf(code.get(FLAGS).i32(~UPDATE_FLAGS.exist).op("i32.and"), ERRNO.EINVAL);
    header(code, part, "count").i32(part.place.maxEntries).op("i32.eq").open("if");
    refuseIf(code.get(FLAGS).op("i32.eqz"), ERRNO.E2BIG);
    dropOldest(code, part);
    code.op("end");
    header(code, part, "oldest");
    slotAt(header(code, part, "count").op("i32.add"), part).set(slot);
    copyBytes(code, slot, VALUE, part.place.valueSize);
    setHeader(code, part, "count", () => header(code, part, "count").i32(1).op("i32.add"));
    code.i32(0);
  });

const read =
  (name: "pop" | "peek"): Operation =>
  (part) =>
    part.define(name, ["i32"], ["i32"], (code) => {
      const VALUE = 0;
      const isStack = part.map.spec.type === "stack";
      const slot = code.local("i32", "slot");
      header(code, part, "count").op("i32.eqz").open("if");
      code.get(VALUE).i32(0).i32(part.place.valueSize).memoryFill();
      code.i32(-ERRNO.ENOENT).op("return", "end");
      header(code, part, "oldest");
      if (isStack) header(code, part, "count").op("i32.add").i32(1).op("i32.sub");
      slotAt(code, part).set(slot);
      copyBytes(code, VALUE, slot, part.place.valueSize);
      if (name === "pop") (isStack ? dropOne : dropOldest)(code, part);
      code.i32(0);
    });

/** `queue` and `stack` */
export const QUEUE_OPERATIONS: OperationTable = { push, pop: read("pop"), peek: read("peek") };
