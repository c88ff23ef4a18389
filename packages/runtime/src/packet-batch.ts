import { RuntimeError } from "./errors.js";
import { MAX_PACKET_SIZE, PACKET_BASE, PACKET_WORDS } from "./layout.js";
import type { LinearMemory } from "./linear-memory.js";

/** Packets that are copied into memory many at once. Made by `packPackets`. */
export interface PacketBatch {
  readonly packets: readonly Uint8Array[];
  /** The same packets. */
  readonly groups: readonly PacketGroup[];
}

/** Packets that are copied at once to `PACKET_BASE`. */
export interface PacketGroup {
  readonly count: number;
  /** The packets, one behind the other, then a word for each with its length. */
  readonly bytes: Uint8Array;
  /** Where these words come to lie. */
  readonly words: number;
}

/**
 * Bytes of a group, more only for a single packet. A processor's first cache has 32 KiB, and what is copied is there twice: of
 * 24 KiB each byte takes up to half as long again.
 */
const GROUP_SIZE = 0x3000;
const WORD_SIZE = 4;

/** Whether so many packets and bytes leave room for another packet in their group. */
const hasRoom = (count: number, bytes: number, { length }: Uint8Array): boolean =>
  count === 0 || bytes + length + (count + 1) * WORD_SIZE <= GROUP_SIZE;

/**
 * Copies packets, to give them to `BoundProgram.runPackets` again and again.
 *
 * @throws RuntimeError `BAD_INPUT` for a packet that is too long
 */
export const packPackets = (packets: readonly Uint8Array[]): PacketBatch => {
  const packed: Uint8Array[] = [];
  const groups: PacketGroup[] = [];
  while (packed.length < packets.length) {
    const own: Uint8Array[] = [];
    let size = 0;
    for (let at = packed.length; at < packets.length && hasRoom(own.length, size, packets[at]!); at++) {
      own.push(packets[at]!);
      size += requireFit(packets[at]!);
    }
    const end = Math.ceil(size / WORD_SIZE) * WORD_SIZE;
    const bytes = new Uint8Array(end + own.length * WORD_SIZE);
    const view = new DataView(bytes.buffer, end);
    let at = 0;
    for (const [index, packet] of own.entries()) {
      bytes.set(packet, at);
      view.setUint32(index * WORD_SIZE, packet.length, true);
      packed.push(bytes.subarray(at, at + packet.length));
      at += packet.length;
    }
    groups.push({ count: own.length, bytes, words: PACKET_BASE + end });
  }
  return { packets: packed, groups };
};

/**
 * Puts a group's worth of packets into memory, from the one at `from` on, and their lengths to `PACKET_WORDS`.
 *
 * @param limit how many at most: at least 1
 * @returns how many
 * @throws RuntimeError `BAD_INPUT` for a packet that is too long
 */
export const stagePackets = (
  { bytes, words }: LinearMemory,
  packets: readonly Uint8Array[],
  from: number,
  limit: number,
): number => {
  const available = Math.min(limit, packets.length - from);
  let count = 0;
  for (let size = 0; count < available && hasRoom(count, size, packets[from + count]!); count++) {
    const packet = packets[from + count]!;
    words[(PACKET_WORDS >>> 2) + count] = requireFit(packet);
    bytes.set(packet, PACKET_BASE + size);
    size += packet.length;
  }
  return count;
};

/** The packet's length. */
const requireFit = ({ length }: Uint8Array): number => {
  if (length <= MAX_PACKET_SIZE) return length;
  throw new RuntimeError("BAD_INPUT", `a packet has ${length} bytes, and there is room for ${MAX_PACKET_SIZE}`);
};
