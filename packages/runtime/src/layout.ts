/*
 * The address map of the one linear memory. Pointers of programs are these addresses, zero-extended to 64 bits.
 *
 *   0x00000  never handed out: NULL and small offsets from it point nowhere
 *   0x08000  an object of zeros, read-only, which stands for the kernel's
 *   0x10000  cells: fixed words through which engines, helpers and the host speak to each other
 *   0x11000  stack: 8 frames of 512 bytes; frame 0 is the topmost
 *   0x20000  context of the running program, up to 64 KiB
 *   0x30000  packet buffer: headroom, up to 64 KiB of packet, tailroom; or many packets, one behind the other
 *   0x41000  lengths of those packets, then their results
 *   0x50000  heap: maps and their values, handed out upwards and never taken back
 *
 * Everything here is ABI between the runtime and compiled code.
 */

/** Bytes of a page of WebAssembly memory. */
export const PAGE_SIZE = 0x10000;

/** Addresses of the cells; each is a 32-bit word. */
export const CELL = {
  /** High word of the last result of a helper, callback or program; the low word is returned. */
  resultHigh: 0x10000,
  /** Instructions that the run may still take; only kept in checked mode. */
  budget: 0x10004,
  /** Tail calls that the run may still take. */
  tailCalls: 0x10008,
  /** Where the program stands when it calls a helper; only kept in checked mode. */
  pc: 0x1000c,
  /** Frame pointer of the function that calls a helper; only kept in checked mode. */
  frame: 0x10010,
  /** Bounds of the context, or of the raw memory that stands for it. */
  context: 0x10014,
  contextEnd: 0x10018,
  /** Bounds of the packet: metadata, data, end. All 0 when there is none. */
  packetMeta: 0x1001c,
  packetData: 0x10020,
  packetEnd: 0x10024,
  /** State of the runtime's own random numbers: four words, not all of them 0. */
  random: 0x10030,
  /** One 8-byte key for each frame, which array maps hand to callbacks. */
  callbackKeys: 0x10040,
  /** Staging area for a key that the host looks up, `MAX_KEY_SIZE` bytes. */
  hostKey: 0x10400,
} as const;

/** Where contexts point for objects of the kernel that are always there, such as sockets. */
export const EMPTY_OBJECT = 0x8000;
export const EMPTY_OBJECT_SIZE = 0x8000;

/** Bytes of the largest key of a map. */
export const MAX_KEY_SIZE = 512;

/** Bytes of one stack frame. */
export const FRAME_SIZE = 512;
/** Frames of nested calls, the entry function included. */
export const MAX_FRAMES = 8;
/** Lowest address of the stack. */
export const STACK_LIMIT = 0x11000;
/** r10 of the entry function: the end of its frame. */
export const STACK_TOP = STACK_LIMIT + MAX_FRAMES * FRAME_SIZE;

/** Address and capacity of the context. */
export const CONTEXT_BASE = 0x20000;
export const MAX_CONTEXT_SIZE = 0x10000;

/** The packet buffer. A packet begins behind the headroom, so that it can grow at both ends. */
export const PACKET_BUFFER = 0x30000;
export const PACKET_HEADROOM = 0x100;
export const PACKET_BASE = PACKET_BUFFER + PACKET_HEADROOM;
export const MAX_PACKET_SIZE = 0x10000;
export const PACKET_BUFFER_END = 0x41000;

/** A word for each of many packets that lie one behind the other: its length, then its result. */
export const PACKET_WORDS = 0x41000;

/** Where the heap begins. */
export const HEAP_BASE = 0x50000;

/** Nested tail calls of one run. Source: the kernel's `MAX_TAIL_CALL_CNT`. */
export const MAX_TAIL_CALLS = 33;

/** How often a function's `may_goto` falls through before it jumps. Source: the kernel's `BPF_MAX_LOOPS`. */
export const MAX_MAY_GOTO = 8 * 1024 * 1024;
