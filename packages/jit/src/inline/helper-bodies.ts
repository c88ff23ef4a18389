import { type HelperPrototype, MAP_FLAGS } from "@ebpf/platform";
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
  XORSHIFT,
} from "@ebpf/runtime";
import { storeCell } from "../run.js";
import type { Code, Label } from "../wasm/code.js";
import type { FunctionReference, ModuleBuilder } from "../wasm/module.js";
import { refuseIf } from "./header.js";
import { valueOffset } from "./map-code.js";
import { MAP_HELPERS, type MapHelper, type MapOperations } from "./map-operations.js";
import { PACKET_BODIES } from "./packet-bodies.js";

/** What helpers of a module are written with. */
export interface HelperParts {
  /** The maps that programs may come with. */
  readonly maps: readonly RuntimeMap[];
  /** Whether there may be others, which are the host's: a runtime's inner maps change. */
  readonly mayMeetOthers: boolean;
  readonly operations: MapOperations;
  /** `(function, frame, r1 low, r1 high, …) → r0 low`, for functions of any of the programs. */
  readonly callback: FunctionReference;
  /** The host's helper, for maps whose operations are no code. */
  readonly host: () => FunctionReference;
}

/** Writes the body of a helper, whose parameters are the words that its implementation in TypeScript takes. */
type Write = (code: Code, parts: HelperParts) => void;

/** Leaves the host's answer to the same call on the stack. */
const askHost = (code: Code, { host }: HelperParts): void => {
  const answer = host();
  answer.signature.parameters.forEach((_, parameter) => {
    code.get(parameter);
  });
  code.call(answer);
};

/** Whatever a map is given that none of the code is for. */
const otherwise = (code: Code, parts: HelperParts): void => {
  if (parts.mayMeetOthers) askHost(code, parts);
  else code.op("unreachable");
};

/** Ends the function with the answer of `write` for whichever of the maps is the first parameter. */
const forMap = (
  code: Code,
  parts: HelperParts,
  fits: (map: RuntimeMap) => boolean,
  write: (map: RuntimeMap) => void,
): void => {
  const MAP = 0;
  for (const map of parts.maps.filter(fits)) {
    code.get(MAP).i32(map.handle).op("i32.eq").open("if");
    write(map);
    code.op("return", "end");
  }
  otherwise(code, parts);
};

const refusesPrograms = ({ spec }: RuntimeMap): boolean => (spec.flags & MAP_FLAGS.readOnlyProgram) !== 0;

/** A helper that is an operation of whichever map it is given. */
const mapHelper =
  ({ operation, addresses, flags, writes }: MapHelper): Write =>
  (code, parts) => {
    const words = addresses + (flags ? 1 : 0);
    if (flags) refuseIf(code.get(1 + words), ERRNO.EINVAL);
    const { operations } = parts;
    const fits = (map: RuntimeMap) => operations.isHosts(map) || operations.of(map, operation) !== undefined;
    forMap(code, parts, fits, (map) => {
      if (operations.isHosts(map)) askHost(code, parts);
      else if (writes && refusesPrograms(map)) code.i32(-ERRNO.EPERM);
      else {
        for (let word = 1; word <= words; word++) code.get(word);
        code.call(operations.of(map, operation)!);
      }
    });
  };

const isRingBuffer = (map: RuntimeMap): boolean => map instanceof RingBufferMap;

/** Ends a reservation in the ring buffer whose memory the record lies in. */
const endRecord =
  (discard: 0 | 1): Write =>
  (code, parts) => {
    const RECORD = 0;
    const { operations } = parts;
    for (const map of parts.maps.filter(isRingBuffer)) {
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
    otherwise(code, parts);
  };

/** `bpf_ringbuf_output(map, data, size, flags)`; flags only say whether to wake consumers. */
const outputRecord: Write = (code, parts) => {
  const [DATA, SIZE, SIZE_HIGH, FLAGS, FLAGS_HIGH] = [1, 2, 3, 4, 5] as const;
  const WAKE_UP_FLAGS = 0x3;
  const record = code.local("i32", "record");
  refuseIf(code.get(FLAGS).i32(~WAKE_UP_FLAGS).op("i32.and").get(FLAGS_HIGH).op("i32.or"), ERRNO.EINVAL);
  refuseIf(code.get(SIZE_HIGH), ERRNO.EAGAIN);
  forMap(code, parts, isRingBuffer, (map) => {
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
  forMap(code, parts, isRingBuffer, (map) => {
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
  const fits = (map: RuntimeMap) => map instanceof KeyedMap;
  forMap(code, parts, fits, (map) => {
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

/** The generator of `runtime/random.ts`. */
const nextRandom: Write = (code) => {
  const [first, last] = localsOf(code, ["first", "last"]);
  const [oldest, second, third, newest] = [0, 4, 8, 12].map((offset) => CELL.random + offset);
  const push = (cell: number | undefined): Code => code.i32(0).memory("i32.load", cell);
  push(oldest).tee(first!).i32(XORSHIFT.left).op("i32.shl").get(first!).op("i32.xor").set(first!);
  push(newest).set(last!);
  storeCell(code, oldest!, () => push(second));
  storeCell(code, second!, () => push(third));
  storeCell(code, third!, () => code.get(last!));
  storeCell(code, newest!, () => {
    code.get(last!).i32(XORSHIFT.last).op("i32.shr_u").get(last!).op("i32.xor");
    return code.get(first!).i32(XORSHIFT.right).op("i32.shr_u").get(first!).op("i32.xor", "i32.xor").tee(last!);
  });
  code.get(last!);
};

const zero: Write = (code) => {
  code.i32(0);
};

/** Helpers that a module brings along; all others are the host's. */
const HELPERS: Readonly<Record<string, Write>> = {
  ...Object.fromEntries(Object.entries(MAP_HELPERS).map(([name, row]) => [name, mapHelper(row)])),
  ...PACKET_BODIES,
  bpf_for_each_map_elem: forEach,
  bpf_loop: loop,
  bpf_ringbuf_reserve: reserveRecord,
  bpf_ringbuf_submit: endRecord(0),
  bpf_ringbuf_discard: endRecord(1),
  bpf_ringbuf_output: outputRecord,
  bpf_get_prandom_u32: nextRandom,
  bpf_get_smp_processor_id: zero,
  bpf_get_numa_node_id: zero,
};

/** Where a module is to run. */
export interface HelperSetting {
  readonly implementations: HelperTable;
  /** Whether random numbers come from the state at `CELL.random`. */
  readonly ownsRandom: boolean;
}

/** Whether a helper can be written as code. */
export const isCode = (name: string, { implementations, ownsRandom }: HelperSetting): boolean => {
  if (HELPERS[name] === undefined || implementations[name] !== LINUX_HELPERS[name]) return false;
  return ownsRandom || HELPERS[name] !== nextRandom;
};

/** Gives a body to a helper that was asked for as an import. */
export const implementHelper = (
  module: ModuleBuilder,
  reference: FunctionReference,
  { id, name }: HelperPrototype,
  parts: Omit<HelperParts, "host">,
): void => {
  const { parameters, results } = reference.signature;
  const host = () => module.import(`host_${id}`, parameters, results);
  HELPERS[name]!(module.implement(reference), { ...parts, host });
};
