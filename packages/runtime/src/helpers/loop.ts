import { ERRNO } from "../errno.js";
import { type HelperTable, helper } from "./implementation.js";

/** Rounds of `bpf_loop` at most. Source: the kernel's `BPF_MAX_LOOPS`. */
export const MAX_LOOP_ROUNDS = 8 * 1024 * 1024;

/** Helpers that call a function of the program; a callback that does not return 0 ends the walk. */
export const LOOP_HELPERS: HelperTable = {
  bpf_loop: helper(["word", "pointer", "long", "long", "frame"], (host) => {
    return (count, callback, contextLow, contextHigh, flags, flagsHigh, frame) => {
      if ((flags | flagsHigh) !== 0) return -ERRNO.EINVAL;
      const iterations = count >>> 0;
      if (iterations > MAX_LOOP_ROUNDS) return -ERRNO.E2BIG;
      for (let index = 0; index < iterations; index++) {
        const stop = host.callback(callback, frame, [index, 0, contextLow, contextHigh]);
        if (stop !== 0) return index + 1;
      }
      return iterations;
    };
  }),
  bpf_for_each_map_elem: helper(["pointer", "pointer", "long", "long", "frame"], (host) => {
    return (handle, callback, contextLow, contextHigh, flags, flagsHigh, frame) => {
      if ((flags | flagsHigh) !== 0) return -ERRNO.EINVAL;
      const map = host.map(handle);
      const entries = map.programEntries(frame);
      if (entries === undefined) return -ERRNO.EINVAL;
      let visited = 0;
      for (const [key, value] of entries) {
        visited++;
        const words = [map.handle, 0, key, 0, value, 0, contextLow, contextHigh];
        if (host.callback(callback, frame, words) !== 0) break;
      }
      return visited;
    };
  }),
};
