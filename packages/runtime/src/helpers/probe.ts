import { joinHalves } from "@ebpf/core";
import { ERRNO } from "../errno.js";
import { type HelperTable, helper } from "./implementation.js";

/** Copies memory; where the source can't be read, zeros the target as the kernel does. */
const read = helper(["pointer", "word", "long"], (host) => (target, size, low, high) => {
  const { bytes } = host.runtime.memory;
  const start = target >>> 0;
  const length = size >>> 0;
  host.requireWritable(start, length);
  const source = host.readableBytes(joinHalves(low, high), length);
  if (source === undefined || source.length < length) {
    bytes.fill(0, start, start + length);
    return -ERRNO.EFAULT;
  }
  bytes.copyWithin(start, low >>> 0, (low >>> 0) + length);
  return 0;
});

/** Copies text up to and with its terminating zero, cut to fit. @returns bytes copied */
const readText = helper(["pointer", "word", "long"], (host) => (target, size, low, high) => {
  const { bytes } = host.runtime.memory;
  const start = target >>> 0;
  const length = size >>> 0;
  host.requireWritable(start, length);
  if (length === 0) return 0;
  const source = host.readableBytes(joinHalves(low, high), length);
  if (source === undefined) {
    bytes.fill(0, start, start + length);
    return -ERRNO.EFAULT;
  }
  const end = source.indexOf(0);
  const copied = end < 0 ? Math.min(source.length, length - 1) : end;
  bytes.copyWithin(start, low >>> 0, (low >>> 0) + copied);
  bytes[start + copied] = 0;
  return copied + 1;
});

/** Helpers that read memory which the program has no pointer to. There is one memory, so user and kernel are the same. */
export const PROBE_HELPERS: HelperTable = {
  bpf_probe_read: read,
  bpf_probe_read_user: read,
  bpf_probe_read_kernel: read,
  bpf_copy_from_user: read,
  bpf_probe_read_str: readText,
  bpf_probe_read_user_str: readText,
  bpf_probe_read_kernel_str: readText,
};
