import { MAP_FLAGS } from "@ebpf/platform";
import {
  CELL,
  ERRNO,
  FRAME_SIZE,
  HASH_ELEMENT,
  type HelperTable,
  KeyedMap,
  LINUX_HELPERS,
  MAX_FRAMES,
  MAX_LOOP_ROUNDS,
  RingBufferMap,
  type RuntimeMap,
} from "@ebpf/runtime";
import { refuseIf } from "../inline/header.js";
import { valueOffset } from "../inline/map-code.js";
import { MAP_HELPERS, type MapHelper, type MapOperations } from "../inline/map-operations.js";
import type { Code, Label } from "../wasm/code.js";
import type { FunctionReference } from "../wasm/module.js";

/** What helpers of an artifact are written with. */
export interface HelperParts {
  readonly maps: readonly RuntimeMap[];
  readonly operations: MapOperations;
  /** `(function, frame, r1 low, r1 high, …) → r0 low`, for functions of any of the programs. */
  readonly callback: FunctionReference;
  /** The host's helper, for maps whose operations are no code. */
  readonly host: () => FunctionReference;
}

/** Writes the body of a helper, whose parameters are the words that its implementation in TypeScript takes. */
type Write = (code: Code, parts: HelperParts) => void;

/** Ends the function with the answer of `write` for whichever map is the first parameter. */
const forMap = (code: Code, maps: readonly RuntimeMap[], write: (map: RuntimeMap) => void): void => {
  const MAP = 0;
  for (const map of maps) {
    code.get(MAP).i32(map.handle).op("i32.eq").open("if");
    write(map);
    code.op("return", "end");
  }
  code.op("unreachable");
};

/** Leaves the host's answer to the same call on the stack. */
const askHost = (code: Code, { host }: HelperParts): void => {
  const answer = host();
  answer.signature.parameters.forEach((_, parameter) => {
    code.get(parameter);
  });
  code.call(answer);
};

const refusesPrograms = ({ spec }: RuntimeMap): boolean => (spec.flags & MAP_FLAGS.readOnlyProgram) !== 0;

/** A helper that is an operation of whichever map it is given. */
const mapHelper =
  ({ operation, addresses, flags, writes }: MapHelper): Write =>
  (code, parts) => {
    const words = addresses + (flags ? 1 : 0);
    if (flags) refuseIf(code.get(1 + words), ERRNO.EINVAL);
    const { maps, operations } = parts;
    const fitting = maps.filter((map) => operations.isHosts(map) || operations.of(map, operation) !== undefined);
    forMap(code, fitting, (map) => {
      if (operations.isHosts(map)) askHost(code, parts);
      else if (writes && refusesPrograms(map)) code.i32(-ERRNO.EPERM);
      else {
        for (let word = 1; word <= words; word++) code.get(word);
        code.call(operations.of(map, operation)!);
      }
    });
  };

const ringBuffers = ({ maps }: HelperParts): RuntimeMap[] => maps.filter((map) => map instanceof RingBufferMap);

/** Ends a reservation in the ring buffer whose memory the record lies in. */
const endRecord =
  (discard: 0 | 1): Write =>
  (code, parts) => {
    const RECORD = 0;
    const { operations } = parts;
    for (const map of ringBuffers(parts)) {
      const commit = operations.of(map, "commit")!;
      const { data, maxEntries } = operations.place(map);
      code
        .get(RECORD)
        .i32(data)
        .op("i32.sub")
        .i32(2 * maxEntries)
        .op("i32.lt_u")
        .open("if");
      code.get(RECORD).i32(discard).call(commit).i32(0).op("return", "end");
    }
    code.op("unreachable");
  };

/** `bpf_ringbuf_output(map, data, size, flags)`; flags only say whether to wake consumers. */
const outputRecord: Write = (code, parts) => {
  const [DATA, SIZE, SIZE_HIGH, FLAGS, FLAGS_HIGH] = [1, 2, 3, 4, 5] as const;
  const WAKE_UP_FLAGS = 0x3;
  const record = code.local("i32", "record");
  refuseIf(code.get(FLAGS).i32(~WAKE_UP_FLAGS).op("i32.and").get(FLAGS_HIGH).op("i32.or"), ERRNO.EINVAL);
  refuseIf(code.get(SIZE_HIGH), ERRNO.EAGAIN);
  forMap(code, ringBuffers(parts), (map) => {
    const reserve = parts.operations.of(map, "reserve")!;
    refuseIf(code.get(SIZE).call(reserve).tee(record).op("i32.eqz"), ERRNO.EAGAIN);
    code.get(record).get(DATA).get(SIZE).memoryCopy();
    code.get(record).i32(0).call(parts.operations.of(map, "commit")!).i32(0);
  });
};

/** `bpf_ringbuf_reserve(map, size, flags)` */
const reserveRecord: Write = (code, parts) => {
  const [SIZE, SIZE_HIGH, FLAGS, FLAGS_HIGH] = [1, 2, 3, 4] as const;
  code.get(SIZE_HIGH).get(FLAGS).op("i32.or").get(FLAGS_HIGH).op("i32.or").open("if");
  code.i32(0).op("return", "end");
  forMap(code, ringBuffers(parts), (map) => {
    code.get(SIZE).call(parts.operations.of(map, "reserve")!);
  });
};

/** Calls a function of the program back in the next frame, with words that `push` leaves on the stack. */
const callBack = (
  code: Code,
  { callback }: HelperParts,
  [target, frame]: readonly [number, number],
  words: () => number,
): void => {
  code.get(target).get(frame).i32(FRAME_SIZE).op("i32.sub");
  for (let pushed = words(); pushed < 10; pushed++) code.i32(0);
  code.call(callback);
};

/** `bpf_loop(count, callback, context, flags)` */
const loop: Write = (code, parts) => {
  const [COUNT, CALLBACK, LOW, HIGH, FLAGS, FLAGS_HIGH, FRAME] = [0, 1, 2, 3, 4, 5, 6] as const;
  const index = code.local("i32", "index");
  refuseIf(code.get(FLAGS).get(FLAGS_HIGH).op("i32.or"), ERRNO.EINVAL);
  refuseIf(code.get(COUNT).i32(MAX_LOOP_ROUNDS).op("i32.gt_u"), ERRNO.E2BIG);
  const done = code.open("block");
  const again = code.open("loop");
  code.get(index).get(COUNT).op("i32.ge_u").brIf(done);
  callBack(code, parts, [CALLBACK, FRAME], () => {
    code.get(index).i32(0).get(LOW).get(HIGH);
    return 4;
  });
  code.get(index).i32(1).op("i32.add").set(index).op("i32.eqz").brIf(again).op("end", "end").get(index);
};

/** `bpf_for_each_map_elem(map, callback, context, flags)`; the callback may delete the entry that it is given. */
const forEach: Write = (code, parts) => {
  const [CALLBACK, LOW, HIGH, FLAGS, FLAGS_HIGH, FRAME] = [1, 2, 3, 4, 5, 6] as const;
  const [visited, key, value, following] = localsOf(code, ["visited", "key", "value", "following"]);
  refuseIf(code.get(FLAGS).get(FLAGS_HIGH).op("i32.or"), ERRNO.EINVAL);
  /** Jumps to `done` when the callback wants no more. */
  const visit = (map: RuntimeMap, done: Label): void => {
    code.get(visited!).i32(1).op("i32.add").set(visited!);
    callBack(code, parts, [CALLBACK, FRAME], () => {
      code.i32(map.handle).i32(0).get(key!).i32(0).get(value!).i32(0).get(LOW).get(HIGH);
      return 8;
    });
    code.brIf(done);
  };
  const fitting = parts.maps.filter((map) => map instanceof KeyedMap);
  forMap(code, fitting, (map) => {
    if (parts.operations.isHosts(map)) {
      askHost(code, parts);
      return;
    }
    const place = parts.operations.place(map);
    const { data, entrySize, maxEntries } = place;
    const next = parts.operations.of(map, "next");
    if (next !== undefined) code.i32(0).call(next).set(following!);
    const done = code.open("block");
    const again = code.open("loop");
    if (next !== undefined) {
      code.get(following!).tee(key!).op("i32.eqz").brIf(done);
      code.get(key!).call(next).set(following!);
      code
        .get(key!)
        .i32(valueOffset(place) - HASH_ELEMENT.key)
        .op("i32.add")
        .set(value!);
    } else {
      code.get(visited!).i32(maxEntries).op("i32.ge_u").brIf(done);
      pushCallbackKey(code, FRAME).tee(key!).get(visited!).memory("i32.store");
      code.get(visited!).i32(entrySize).op("i32.mul").i32(data).op("i32.add").set(value!);
    }
    visit(map, done);
    code.br(again).op("end", "end").get(visited!);
  });
};

/** Leaves the address where the frame's callbacks find the index of an array's entry. */
const pushCallbackKey = (code: Code, frame: number): Code =>
  code
    .get(frame)
    .i32(Math.log2(FRAME_SIZE))
    .op("i32.shr_u")
    .i32(MAX_FRAMES - 1)
    .op("i32.and")
    .i32(3)
    .op("i32.shl")
    .i32(CELL.callbackKeys)
    .op("i32.add");

const localsOf = (code: Code, names: readonly string[]): readonly number[] =>
  names.map((name) => code.local("i32", name));

const zero: Write = (code) => {
  code.i32(0);
};

/** Helpers that an artifact brings along; all others are the host's. */
const HELPERS: Readonly<Record<string, Write>> = {
  ...Object.fromEntries(Object.entries(MAP_HELPERS).map(([name, row]) => [name, mapHelper(row)])),
  bpf_for_each_map_elem: forEach,
  bpf_loop: loop,
  bpf_ringbuf_reserve: reserveRecord,
  bpf_ringbuf_submit: endRecord(0),
  bpf_ringbuf_discard: endRecord(1),
  bpf_ringbuf_output: outputRecord,
  bpf_get_smp_processor_id: zero,
  bpf_get_numa_node_id: zero,
};

/** How a helper is written as code; `undefined` for one that is the host's. */
export const helperWriter = (name: string, implementations: HelperTable): Write | undefined =>
  implementations[name] === LINUX_HELPERS[name] ? HELPERS[name] : undefined;
