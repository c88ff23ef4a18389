import type { LinearMemory } from "../linear-memory.js";
import { MAP_HEADER } from "./layout.js";

/** Flags in a record's length word. Source: Linux's uapi. */
const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
/** A record begins with two words: its length with flags, and a tag. */
const RECORD_HEADER = 8;

/** A record that was taken out of a ring. */
export interface RingRecord {
  readonly tag: number;
  readonly data: Uint8Array;
}

/**
 * A bounded ring of records in linear memory. Positions count bytes from the start, modulo 2^32.
 *
 * A record must be contiguous, so behind the ring lies as much memory again: a record that begins before the end of
 * the ring runs on into it. The place at the ring's start that it stands for stays unused as long, so the capacity is
 * that of a ring whose memory is mapped twice.
 */
export class Ring {
  readonly #memory: LinearMemory;
  readonly #header: number;
  readonly #data: number;
  readonly #size: number;
  /** Reserved records that were not submitted yet: size by address of the data. */
  readonly #reserved = new Map<number, number>();
  #arrival: (() => void) | undefined;
  #closed = false;

  /**
   * @param header the map's header, whose words `newest` and `oldest` are the positions
   * @param size bytes, a power of 2
   */
  constructor(memory: LinearMemory, header: number, size: number, name: string) {
    this.#memory = memory;
    this.#header = header;
    this.#size = size;
    this.#data = memory.allocate(2 * size, `map ${name}`);
    memory.setCell(header + MAP_HEADER.data, this.#data);
  }

  get producer(): number {
    return this.#memory.cell(this.#header + MAP_HEADER.newest);
  }

  get consumer(): number {
    return this.#memory.cell(this.#header + MAP_HEADER.oldest);
  }

  /** Bytes between the positions. */
  get pending(): number {
    return (this.producer - this.consumer) >>> 0;
  }

  /** Records that found no room. */
  get lost(): number {
    return this.#memory.cell(this.#header + MAP_HEADER.lost);
  }

  /** Makes room for a record. @returns the address of its data, or 0 when there is none */
  reserve(size: number, tag = 0): number {
    const length = RECORD_HEADER + Math.ceil(size / 8) * 8;
    const { producer } = this;
    if (!(this.pending + length < this.#size)) {
      this.#memory.setCell(this.#header + MAP_HEADER.lost, this.lost + 1);
      return 0;
    }
    const record = this.#recordAt(producer);
    this.#memory.setCell(record, BUSY | size);
    this.#memory.setCell(record + 4, tag);
    this.#memory.setCell(this.#header + MAP_HEADER.newest, producer + length);
    this.#reserved.set(record + RECORD_HEADER, size);
    return record + RECORD_HEADER;
  }

  /** Ends a reservation. @returns false when nothing is reserved at `data` */
  commit(data: number, discard: boolean): boolean {
    const size = this.#reserved.get(data);
    if (size === undefined) return false;
    this.#reserved.delete(data);
    this.#memory.setCell(data - RECORD_HEADER, discard ? DISCARDED | size : size);
    this.arrived();
    return true;
  }

  /** A record was submitted: whoever waits for one goes on. Compiled code says so only while the header's `waiting` is set. */
  arrived(): void {
    this.#memory.setCell(this.#header + MAP_HEADER.waiting, 0);
    this.#arrival?.();
  }

  /** Whether `size` bytes at `address` lie in one reserved record. */
  permits(address: number, size: number): boolean {
    for (const [data, length] of this.#reserved) {
      if (address >= data && address + size <= data + length) return true;
    }
    return false;
  }

  /** Takes the oldest record out; `undefined` when there is none, or when it is not submitted yet. */
  take(): RingRecord | undefined {
    while (this.pending > 0) {
      const record = this.#recordAt(this.consumer);
      const word = this.#memory.cell(record);
      if (word & BUSY) return undefined;
      const size = word & ~DISCARDED;
      const data = word & DISCARDED ? undefined : this.#memory.copyOut(record + RECORD_HEADER, size);
      const next = this.consumer + RECORD_HEADER + Math.ceil(size / 8) * 8;
      this.#memory.setCell(this.#header + MAP_HEADER.oldest, next);
      if (data !== undefined) return { tag: this.#memory.cell(record + 4), data };
    }
    return undefined;
  }

  /**
   * Records as they arrive. A record stays in the ring until it is asked for, so a slow consumer fills the ring and
   * programs lose records. Ends when the ring is closed. One consumer at a time.
   */
  async *records(): AsyncGenerator<RingRecord, void, undefined> {
    while (true) {
      const record = this.take();
      if (record !== undefined) yield record;
      else if (this.#closed) return;
      else {
        await new Promise<void>((resolve) => {
          this.#arrival = resolve;
          this.#memory.setCell(this.#header + MAP_HEADER.waiting, 1);
        });
      }
    }
  }

  /** Ends the iteration over `records` once all that is there was taken. */
  close(): void {
    this.#closed = true;
    this.arrived();
  }

  #recordAt(position: number): number {
    return this.#data + (position & (this.#size - 1));
  }
}
