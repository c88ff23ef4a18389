import { type ByteOrder, ByteReader, MalformedError } from "@ebpf/core";

/** A captured packet. */
export interface CapturedPacket {
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** What was captured: as long as the capture's snap length allows. */
  readonly bytes: Uint8Array;
  /** Bytes that the packet had on the wire. */
  readonly originalLength: number;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const LINKTYPE_ETHERNET = 1;

/** The two magic numbers of classic pcap and the nanoseconds of one tick of their time stamps. */
const TICK_NS: ReadonlyMap<number, bigint> = new Map([
  [0xa1b2c3d4, 1000n],
  [0xa1b23c4d, 1n],
]);

const openCapture = (bytes: Uint8Array, path: string): { readonly reader: ByteReader; readonly tickNs: bigint } => {
  for (const order of ["little", "big"] satisfies ByteOrder[]) {
    const reader = new ByteReader(bytes, order, path);
    const tickNs = TICK_NS.get(reader.u32(0));
    if (tickNs !== undefined) return { reader: reader.slice(0, reader.length, ""), tickNs };
  }
  throw new MalformedError(
    "BAD_VALUE",
    path,
    0,
    "this is no pcap file",
    "pcapng is not read: convert it with editcap -F pcap",
  );
};

/**
 * Reads a classic pcap capture of Ethernet frames, in either byte order and with microseconds or nanoseconds.
 * Source: draft-ietf-opsawg-pcap.
 *
 * @param path names the capture in errors
 * @throws MalformedError with the offset of the record that is cut off or not understood.
 */
export const readPcap = (bytes: Uint8Array, path = "capture"): CapturedPacket[] => {
  const { reader, tickNs } = openCapture(bytes, path);
  const linkType = reader.u32(20) & 0x0fff_ffff;
  if (linkType !== LINKTYPE_ETHERNET) {
    throw reader.error("UNSUPPORTED", 20, `link type ${linkType} is not Ethernet (${LINKTYPE_ETHERNET})`);
  }
  const packets: CapturedPacket[] = [];
  for (let at = FILE_HEADER; at < reader.length; ) {
    const header = reader.slice(at, Math.min(RECORD_HEADER, reader.length - at), `[${packets.length}]`);
    const captured = header.u32(8);
    packets.push({
      timeNs: BigInt(header.u32(0)) * 1_000_000_000n + BigInt(header.u32(4)) * tickNs,
      bytes: reader.slice(at + RECORD_HEADER, captured, `[${packets.length}]`).bytes,
      originalLength: header.u32(12),
    });
    at += RECORD_HEADER + captured;
  }
  return packets;
};
