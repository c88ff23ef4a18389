import { RuntimeError } from "./errors.js";
import { HEAP_BASE, PAGE_SIZE } from "./layout.js";

/**
 * The one memory that programs, maps and the host share. Its size is fixed when it is made: growing would detach every
 * view, and pages that nobody touches cost nothing.
 */
export class LinearMemory {
  readonly wasm: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  /** Aligned 32-bit words; the index is `address >>> 2`. */
  readonly words: Int32Array;
  /** For unaligned access; everything is little-endian. */
  readonly view: DataView;
  #heapEnd = HEAP_BASE;

  /** @param pages size in pages of 64 KiB */
  constructor(pages: number) {
    this.wasm = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.wasm.buffer);
    this.words = new Int32Array(this.wasm.buffer);
    this.view = new DataView(this.wasm.buffer);
  }

  /** Bytes of the heap that are handed out. */
  get used(): number {
    return this.#heapEnd - HEAP_BASE;
  }

  /** The end of all memory that is in use. */
  get heapEnd(): number {
    return this.#heapEnd;
  }

  /**
   * Hands out `size` zeroed bytes, aligned to 8.
   *
   * @throws RuntimeError `LIMIT` when the memory is used up.
   */
  allocate(size: number, purpose: string): number {
    const address = this.#heapEnd;
    const end = address + Math.ceil(size / 8) * 8;
    if (!(end <= this.bytes.length)) {
      const free = this.bytes.length - address;
      throw new RuntimeError("LIMIT", `${purpose} takes ${size} bytes, and ${free} of the runtime's memory are free`, {
        hint: `make the runtime with memoryPages of at least ${Math.ceil(end / PAGE_SIZE)}`,
      });
    }
    this.#heapEnd = end;
    return address;
  }

  /** A copy of `size` bytes at `address`. */
  copyOut(address: number, size: number): Uint8Array {
    return this.bytes.slice(address, address + size);
  }

  /** The 32-bit word in a cell, as an unsigned number; `address` is a multiple of 4. */
  cell(address: number): number {
    return this.words[address >>> 2]! >>> 0;
  }

  /** Sets the 32-bit word of a cell. */
  setCell(address: number, value: number): void {
    this.words[address >>> 2] = value;
  }
}
