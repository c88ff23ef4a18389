import { type ContextLayout, objectOffsets } from "@ebpf/platform";
import { CELL, CONTEXT_BASE, EMPTY_OBJECT, PACKET_BASE, PACKET_BUFFER, PACKET_BUFFER_END } from "./layout.js";
import type { LinearMemory } from "./linear-memory.js";
import { ETHERNET_HEADER } from "./packet-load.js";

/** Bytes at the start of the buffer that the kernel keeps for itself. Source: `sizeof(struct xdp_frame)`. */
const RESERVED_HEADROOM = 40;
/** The most metadata in front of a packet, and its granularity. Source: the kernel's `xdp_metalen_invalid`. */
const MAX_METADATA = 252;
const METADATA_ALIGNMENT = 4;

/** Where an Ethernet header says what it carries. */
const ETHER_TYPE = 12;

const EACCES = -13;
const EINVAL = -22;
const ENOTSUP = -95;

/** Where the context holds the packet's bounds. */
interface FieldAddresses {
  readonly data?: number | undefined;
  readonly end?: number | undefined;
  readonly meta?: number | undefined;
  readonly length?: number | undefined;
  readonly wireLength?: number | undefined;
  readonly protocol?: number | undefined;
  readonly objects: readonly number[];
}

const NO_FIELDS: FieldAddresses = { objects: [] };

const KNOWN_FIELDS = new WeakMap<ContextLayout, FieldAddresses>();

const fieldsOf = (layout: ContextLayout): FieldAddresses => {
  const known = KNOWN_FIELDS.get(layout);
  if (known !== undefined) return known;
  const addressOf = (matches: (field: ContextLayout["fields"][number]) => boolean): number | undefined => {
    const field = layout.fields.find(matches);
    return field && CONTEXT_BASE + field.offset;
  };
  const fields = {
    data: addressOf(({ value }) => value === "packet"),
    end: addressOf(({ value }) => value === "packet_end"),
    meta: addressOf(({ value }) => value === "packet_meta"),
    length: addressOf(({ holds }) => holds === "packet_length"),
    wireLength: addressOf(({ holds }) => holds === "wire_length"),
    protocol: addressOf(({ holds }) => holds === "protocol"),
    objects: objectOffsets(layout).map((offset) => CONTEXT_BASE + offset),
  };
  KNOWN_FIELDS.set(layout, fields);
  return fields;
};

/** Where the running program sent its packet. */
export interface PendingRedirect {
  readonly target: number;
  readonly flags: bigint;
  readonly map?: string;
}

/** The packet in the buffer: its bounds, in the cells and in the context's fields, and what the program did with it. */
export class PacketBuffer {
  readonly #memory: LinearMemory;
  #fields = NO_FIELDS;
  redirect: PendingRedirect | undefined;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  get meta(): number {
    return this.#memory.cell(CELL.packetMeta);
  }

  get data(): number {
    return this.#memory.cell(CELL.packetData);
  }

  get end(): number {
    return this.#memory.cell(CELL.packetEnd);
  }

  /** A packet of `size` bytes is in the buffer, described by a context with this layout; no metadata, no redirect. */
  place(layout: ContextLayout, size: number): void {
    this.#fields = fieldsOf(layout);
    this.replace(PACKET_BASE, size);
  }

  /** The packet is now that of `size` bytes at `start`: the context is that of a fresh packet again. */
  replace(start: number, size: number): void {
    const { words } = this.#memory;
    const end = this.#memory.cell(CELL.contextEnd) >>> 2;
    for (let word = CONTEXT_BASE >>> 2; word < end; word++) words[word] = 0;
    this.redirect = undefined;
    this.#describe(start, size);
    this.#setBounds(start, start, start + size);
  }

  /** Sets what of the context doesn't change: objects, the packet's length on the wire, its protocol as a network-order word. */
  #describe(start: number, size: number): void {
    const { view } = this.#memory;
    const { wireLength, protocol, objects } = this.#fields;
    for (const object of objects) view.setUint32(object, EMPTY_OBJECT, true);
    if (wireLength !== undefined) view.setUint32(wireLength, size, true);
    const type = size >= ETHERNET_HEADER ? view.getUint16(start + ETHER_TYPE, true) : 0;
    if (protocol !== undefined) view.setUint32(protocol, type, true);
  }

  /** There is no packet. */
  clear(): void {
    this.#fields = NO_FIELDS;
    this.redirect = undefined;
    this.#setBounds(0, 0, 0);
  }

  /** A copy of the packet's bytes, without metadata. */
  copy(): Uint8Array {
    return this.#memory.copyOut(this.data, this.end - this.data);
  }

  #setBounds(meta: number, data: number, end: number): void {
    const memory = this.#memory;
    memory.setCell(CELL.packetMeta, meta);
    memory.setCell(CELL.packetData, data);
    memory.setCell(CELL.packetEnd, end);
    const { view } = memory;
    const { data: dataField, end: endField, meta: metaField, length } = this.#fields;
    if (dataField !== undefined) view.setUint32(dataField, data, true);
    if (endField !== undefined) view.setUint32(endField, end, true);
    if (metaField !== undefined) view.setUint32(metaField, meta, true);
    if (length !== undefined) view.setUint32(length, end - data, true);
  }

  /** `bpf_xdp_adjust_head`: moves the packet's start; metadata moves along. */
  adjustHead(delta: number): number {
    const { meta, data, end } = this;
    const start = data + delta;
    const metadata = data - meta;
    if (start < PACKET_BUFFER + RESERVED_HEADROOM + metadata || start > end - ETHERNET_HEADER) return EINVAL;
    this.#memory.bytes.copyWithin(start - metadata, meta, data);
    this.#setBounds(start - metadata, start, end);
    return 0;
  }

  /** `bpf_xdp_adjust_tail`: moves the packet's end; new bytes are zero. */
  adjustTail(delta: number): number {
    const { meta, data, end } = this;
    const newEnd = end + delta;
    if (newEnd > PACKET_BUFFER_END || newEnd < data + ETHERNET_HEADER) return EINVAL;
    if (delta > 0) this.#memory.bytes.fill(0, end, newEnd);
    this.#setBounds(meta, data, newEnd);
    return 0;
  }

  /** `bpf_xdp_adjust_meta`: moves the start of the metadata before the packet. */
  adjustMeta(delta: number): number {
    if (this.#fields.meta === undefined) return ENOTSUP;
    const { meta, data, end } = this;
    const newMeta = meta + delta;
    if (newMeta < PACKET_BUFFER + RESERVED_HEADROOM || newMeta > data) return EINVAL;
    const metadata = data - newMeta;
    if (metadata > MAX_METADATA || metadata % METADATA_ALIGNMENT !== 0) return EACCES;
    this.#setBounds(newMeta, data, end);
    return 0;
  }
}
