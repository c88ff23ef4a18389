import { ERRNO } from "../errno.js";
import { PerfEventArray } from "../maps/perf-event-array.js";
import { RingBufferMap } from "../maps/ringbuf.js";
import type { ProgramHost } from "../program-host.js";
import { type HelperTable, helper } from "./implementation.js";

/** What `bpf_ringbuf_query` may ask for. Source: Linux's uapi. */
const QUERY = [
  ({ ring }: RingBufferMap) => ring.pending,
  ({ ringSize }: RingBufferMap) => ringSize,
  ({ ring }: RingBufferMap) => ring.consumer,
  ({ ring }: RingBufferMap) => ring.producer,
] as const;

const CURRENT_CPU = 0xffff_ffff;
/** Bits of the high flag word that say how much of the packet goes with a sample. */
const PACKET_LENGTH_MASK = 0xfffff;
/** Flags with which a program chooses whether consumers are woken; here they always are. */
const WAKE_UP_FLAGS = 0x3;

const ringBuffer = (host: ProgramHost, handle: number): RingBufferMap => {
  const map = host.map(handle);
  if (map instanceof RingBufferMap) return map;
  throw host.fault("BAD_CALL", `map ${map.spec.name} is no ring buffer`);
};

const perfEvents = (host: ProgramHost, handle: number): PerfEventArray => {
  const map = host.map(handle);
  if (map instanceof PerfEventArray) return map;
  throw host.fault("BAD_CALL", `map ${map.spec.name} is no perf event array`);
};

/** Ends a reservation in whichever ring buffer of the program it was made. */
const end = (discard: boolean) =>
  helper(["pointer", "word"], (host) => (record) => {
    for (const map of host.maps()) {
      if (map instanceof RingBufferMap && map.ring.commit(record >>> 0, discard)) return 0;
    }
    throw host.fault("BAD_CALL", "nothing is reserved at this address");
  });

/** Helpers that send records to the host. */
export const EVENT_HELPERS: HelperTable = {
  bpf_ringbuf_reserve: helper(["pointer", "long", "long"], (host) => (map, size, sizeHigh, flags, flagsHigh) => {
    const buffer = ringBuffer(host, map);
    return (flags | flagsHigh | sizeHigh) === 0 ? buffer.ring.reserve(size >>> 0) : 0;
  }),
  bpf_ringbuf_submit: end(false),
  bpf_ringbuf_discard: end(true),
  bpf_ringbuf_output: helper(["pointer", "pointer", "long", "long"], (host) => {
    const { bytes } = host.runtime.memory;
    return (map, data, size, sizeHigh, flags, flagsHigh) => {
      const { ring } = ringBuffer(host, map);
      const length = size >>> 0;
      if ((flags & ~WAKE_UP_FLAGS) !== 0 || flagsHigh !== 0) return -ERRNO.EINVAL;
      host.requireReadable(data, length);
      const record = sizeHigh === 0 ? ring.reserve(length) : 0;
      if (record === 0) return -ERRNO.EAGAIN;
      bytes.copyWithin(record, data >>> 0, (data >>> 0) + length);
      ring.commit(record, false);
      return 0;
    };
  }),
  bpf_ringbuf_query: helper(["pointer", "long"], (host) => (map, what) => {
    return host.runtime.returnLong(QUERY[what]?.(ringBuffer(host, map)) ?? 0, 0);
  }),
  bpf_perf_event_output: helper(["pointer", "pointer", "long", "pointer", "word"], (host) => {
    const { runtime } = host;
    const { bytes } = runtime.memory;
    return (_context, map, index, flags, data, size) => {
      const events = perfEvents(host, map);
      const length = size >>> 0;
      const cpu = runtime.cpu();
      host.requireReadable(data, length);
      if ((flags & ~PACKET_LENGTH_MASK) !== 0) return -ERRNO.EINVAL;
      const asked = index >>> 0 === CURRENT_CPU ? cpu : index >>> 0;
      if (asked >= events.events) return -ERRNO.E2BIG;
      if (asked !== cpu) return -ERRNO.EOPNOTSUPP;
      const { packet } = runtime;
      if (flags > packet.end - packet.data) return -ERRNO.EFAULT;
      const record = events.ring.reserve(length + flags, cpu);
      if (record === 0) return -ERRNO.ENOSPC;
      bytes.copyWithin(record, data >>> 0, (data >>> 0) + length);
      bytes.copyWithin(record + length, packet.data, packet.data + flags);
      events.ring.commit(record, false);
      return 0;
    };
  }),
};
