import { joinHalves } from "@ebpf/core";
import { ERRNO } from "../errno.js";
import type { ProgramHost } from "../program-host.js";
import { formatText } from "./format.js";
import { type HelperTable, helper } from "./implementation.js";

/** The longest text that is read for a `%s`. */
const MAX_TEXT = 512;

const decoder = new TextDecoder();

const decode = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** Bytes of a text in UTF-8. */
const encodedLength = (text: string): number => {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Both halves of a pair stand for two of its four bytes.
    if (unit >= 0x80) length += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return length;
};

/** Prints a format whose arguments come from `next`. @returns the bytes printed, or a negative error number */
const print = (host: ProgramHost, format: number, size: number, next: () => bigint | undefined): number => {
  host.requireReadable(format, size);
  const { memory, trace } = host.runtime;
  const start = format >>> 0;
  const text = formatText(decode(memory.bytes.subarray(start, start + size)), {
    next,
    text: (address) => {
      const available = host.readableBytes(address, MAX_TEXT);
      return available && decode(available);
    },
  });
  if (text === undefined) return -ERRNO.EINVAL;
  trace(text);
  return encodedLength(text);
};

/** Helpers that print lines for a person. */
export const TRACE_HELPERS: HelperTable = {
  bpf_trace_printk: helper(["pointer", "word", "long", "long", "long"], (host) => (format, size, ...words) => {
    let index = 0;
    return print(host, format, size >>> 0, () => {
      if (index >= 6) return undefined;
      index += 2;
      return joinHalves(words[index - 2]!, words[index - 1]!);
    });
  }),
  bpf_trace_vprintk: helper(["pointer", "word", "pointer", "word"], (host) => (format, size, data, length) => {
    host.requireReadable(data, length >>> 0);
    if (length % 8 !== 0) return -ERRNO.EINVAL;
    let offset = 0;
    return print(host, format, size >>> 0, () => {
      if (offset >= length >>> 0) return undefined;
      offset += 8;
      return host.runtime.memory.view.getBigUint64((data >>> 0) + offset - 8, true);
    });
  }),
};
