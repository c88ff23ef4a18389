import type { MapSpec } from "@ebpf/platform";
import type { Runtime } from "../runtime.js";
import { Ring } from "./ring.js";
import { badMap, RuntimeMap } from "./runtime-map.js";

/** Pages of the kernel, of which a ring buffer's size is a multiple. */
const KERNEL_PAGE = 4096;

/** `ringbuf`: programs reserve and submit records, the host takes them out. */
export class RingBufferMap extends RuntimeMap {
  /** Bytes of the ring. */
  readonly ringSize: number;
  readonly ring: Ring;

  constructor(spec: MapSpec, runtime: Runtime) {
    const size = spec.maxEntries;
    if (size < KERNEL_PAGE || (size & (size - 1)) !== 0) {
      throw badMap(spec, `its size is a power of 2 of at least ${KERNEL_PAGE}, not ${size}`);
    }
    if (spec.keySize !== 0 || spec.valueSize !== 0) throw badMap(spec, "it has neither keys nor values");
    super(spec, runtime);
    this.ringSize = size;
    this.ring = new Ring(this.memory, this.handle, size, spec.name);
  }

  permits(address: number, size: number): boolean {
    return this.ring.permits(address, size);
  }

  /** Records that found no room since the map was made. */
  get lost(): number {
    return this.ring.lost;
  }

  /** Takes out all records that are there. */
  drain(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (let record = this.ring.take(); record !== undefined; record = this.ring.take()) records.push(record.data);
    return records;
  }

  /** Records as they arrive, until `close`; see `Ring.records` for what happens when nobody asks for them. */
  async *records(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const { data } of this.ring.records()) yield data;
  }

  /** Ends the iteration over `records`. */
  close(): void {
    this.ring.close();
  }
}
