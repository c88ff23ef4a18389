import { HEAP_BASE, type LinearMemory } from "@ebpf/runtime";
import type { DataSegment } from "../wasm/module.js";

/** Engines take 100,000 segments; this leaves room. */
const MAX_SEGMENTS = 50_000;
/** A segment costs about so many bytes beside its content. */
const LEAST_GAP = 16;

/** What is not zero of the heap, where maps lie, as it is now. */
export const snapshotHeap = ({ words, bytes, heapEnd }: LinearMemory): DataSegment[] => {
  const gap = Math.max(LEAST_GAP, Math.ceil((heapEnd - HEAP_BASE) / MAX_SEGMENTS));
  const segments: DataSegment[] = [];
  let start = -1;
  let end = -1;
  const close = (): void => {
    if (start >= 0) segments.push({ address: start, bytes: bytes.slice(start, end) });
  };
  for (let word = HEAP_BASE >>> 2; word < heapEnd >>> 2; word++) {
    if (words[word] === 0) continue;
    const address = word << 2;
    if (start < 0 || address - end > gap) {
      close();
      start = address;
    }
    end = address + 4;
  }
  close();
  return segments;
};
