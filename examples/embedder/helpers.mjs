// What the helpers of platform.mjs do. Everything that crosses is a 32-bit word: numbers, and addresses in the
// runtime's memory. The `require…` calls only do something for programs that run unverified.
import { helper, LINUX_HELPERS } from "@ebpf/runtime";

const REQUESTS_PER_CLIENT = 2;
const NONE = -1;

/** Implementations of all helpers that plug-ins may call; `current()` is the request that is filtered now. */
export const helpersFor = (current) => ({
  ...LINUX_HELPERS,

  request_age: helper([], ({ runtime }) => () => {
    const age = BigInt(Date.now() - current().received);
    return runtime.returnLong(Number(age & 0xffff_ffffn), Number(age >> 32n));
  }),

  request_header: helper(["pointer", "word", "pointer", "word"], (host) => (name, nameSize, value, valueSize) => {
    host.requireReadable(name, nameSize);
    host.requireWritable(value, valueSize);
    const { bytes } = host.runtime.memory;
    const text = current().headers[String.fromCharCode(...bytes.subarray(name, name + nameSize))];
    if (text === undefined) return NONE;
    const encoded = new TextEncoder().encode(text).subarray(0, valueSize);
    bytes.set(encoded, value);
    return encoded.length;
  }),

  quota_take: helper(["pointer", "pointer"], (host) => (handle, key) => {
    const quota = host.map(handle);
    host.requireReadable(key, quota.spec.keySize);
    const { bytes, view } = host.runtime.memory;
    const left = quota.programLookup(key);
    if (left === 0) {
      const first = REQUESTS_PER_CLIENT - 1;
      quota.update(bytes.slice(key, key + quota.spec.keySize), Uint8Array.of(first, 0, 0, 0));
      return first;
    }
    const remaining = view.getUint32(left, true);
    if (remaining === 0) return NONE;
    view.setUint32(left, remaining - 1, true);
    return remaining - 1;
  }),
});
