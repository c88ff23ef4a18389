import { type ContextLayout, objectOffsets } from "@ebpf/platform";
import { EMPTY_OBJECT } from "./layout.js";

/**
 * A context that a verified program may run on. Such a program relies on the context's size and on the addresses in it:
 * what is missing is zero, objects of the kernel that are always there are the empty one, and every other address is
 * NULL, because nothing lies there.
 *
 * @param bytes what the context's numbers are taken from
 */
export const verifiedContext = (layout: ContextLayout, bytes: Uint8Array): Uint8Array => {
  const context = new Uint8Array(Math.max(bytes.length, layout.size));
  context.set(bytes);
  for (const { value, offset, size } of layout.fields) {
    if (value !== "scalar") context.fill(0, offset, offset + size);
  }
  const view = new DataView(context.buffer);
  for (const offset of objectOffsets(layout)) view.setUint32(offset, EMPTY_OBJECT, true);
  return context;
};
