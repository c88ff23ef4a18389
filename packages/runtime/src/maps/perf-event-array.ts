import type { MapSpec } from "@ebpf/platform";
import type { Runtime } from "../runtime.js";
import { Ring } from "./ring.js";
import { RuntimeMap } from "./runtime-map.js";

/** Bytes that samples of all CPUs share. */
const PERF_RING_SIZE = 1 << 18;

/** What a program put out, and on which CPU. */
export interface PerfSample {
  readonly cpu: number;
  readonly data: Uint8Array;
}

/** `perf_event_array`: programs put out samples, the host takes them out. Each CPU's event is always open. */
export class PerfEventArray extends RuntimeMap {
  /** Tags are CPUs. */
  readonly ring: Ring;
  /** CPUs that have an event. */
  readonly events: number;

  constructor(spec: MapSpec, runtime: Runtime) {
    super(spec, runtime);
    // Object files leave the number of entries to the loader, which takes that of the CPUs.
    this.events = Math.min(spec.maxEntries || runtime.cpus, runtime.cpus);
    this.ring = new Ring(this.memory, this.handle, PERF_RING_SIZE, spec.name);
  }

  permits(): boolean {
    return false;
  }

  /** Samples that found no room since the map was made. */
  get lost(): number {
    return this.ring.lost;
  }

  /** Takes out all samples that are there. */
  drain(): PerfSample[] {
    const samples: PerfSample[] = [];
    for (let record = this.ring.take(); record !== undefined; record = this.ring.take()) {
      samples.push({ cpu: record.tag, data: record.data });
    }
    return samples;
  }

  /** Samples as they arrive, until `close`; see `Ring.records` for what happens when nobody asks for them. */
  async *records(): AsyncGenerator<PerfSample, void, undefined> {
    for await (const { tag, data } of this.ring.records()) yield { cpu: tag, data };
  }

  /** Ends the iteration over `records`. */
  close(): void {
    this.ring.close();
  }
}
