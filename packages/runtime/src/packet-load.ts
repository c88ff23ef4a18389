import type { Size } from "@ebpf/asm";
import { CELL } from "./layout.js";
import type { LinearMemory } from "./linear-memory.js";

/** Offsets from these on count from the network and link-layer header. Source: the kernel's `SKF_NET_OFF`, `SKF_LL_OFF`. */
export const HEADER_OFFSET = { network: -0x100000, link: -0x200000 } as const;
/** Bytes of the link-layer header. */
export const ETHERNET_HEADER = 14;

/**
 * The legacy packet loads of RFC 9669 §5.5: reads `size` bytes in network order from the packet that is in the buffer.
 *
 * @param offset signed; negative offsets are relative to a header
 * @returns the value; `CELL.resultHigh` is 0, or 1 when the packet has no such bytes, which ends the function with 0
 */
export const loadFromPacket = (memory: LinearMemory, offset: number, size: Size): number => {
  const data = memory.cell(CELL.packetData);
  const position =
    offset >= 0
      ? offset
      : offset >= HEADER_OFFSET.network
        ? offset - HEADER_OFFSET.network + ETHERNET_HEADER
        : offset - HEADER_OFFSET.link;
  const address = data + position;
  const missing = position < 0 || address + size > memory.cell(CELL.packetEnd);
  memory.setCell(CELL.resultHigh, missing ? 1 : 0);
  if (missing) return 0;
  const { view } = memory;
  return size === 1 ? view.getUint8(address) : size === 2 ? view.getUint16(address) : view.getInt32(address);
};
