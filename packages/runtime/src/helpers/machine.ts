import { highOf, lowOf } from "@ebpf/core";
import { ERRNO } from "../errno.js";
import type { ProgramHost } from "../program-host.js";
import { type HelperTable, helper } from "./implementation.js";

const time = helper([], ({ runtime }) => () => {
  const now = runtime.clock();
  if (typeof now === "bigint") return runtime.returnLong(lowOf(now), highOf(now));
  return runtime.returnLong(now | 0, Math.floor(now / 2 ** 32));
});

/** Two 32-bit numbers as the halves of one result. */
const pair = (select: (host: ProgramHost) => readonly [low: number, high: number]) =>
  helper([], (host) => () => host.runtime.returnLong(...select(host)));

/** What a program learns of the machine and the process it runs in; all of it comes from the runtime's options. */
export const MACHINE_HELPERS: HelperTable = {
  bpf_ktime_get_ns: time,
  bpf_ktime_get_boot_ns: time,
  bpf_ktime_get_coarse_ns: time,
  bpf_get_prandom_u32: helper(
    [],
    ({ runtime }) =>
      () =>
        runtime.random() | 0,
  ),
  bpf_get_smp_processor_id: helper(
    [],
    ({ runtime }) =>
      () =>
        runtime.cpu(),
  ),
  bpf_get_numa_node_id: helper([], () => () => 0),
  bpf_get_current_pid_tgid: pair(({ runtime }) => {
    const { pid, tgid } = runtime.process();
    return [pid, tgid];
  }),
  bpf_get_current_uid_gid: pair(({ runtime }) => {
    const { uid, gid } = runtime.process();
    return [uid, gid];
  }),
  bpf_get_current_comm: helper(["pointer", "word"], (host) => (target, size) => {
    const { runtime } = host;
    host.requireWritable(target, size >>> 0);
    if (size === 0) return -ERRNO.EINVAL;
    const comm = new TextEncoder().encode(runtime.process().comm).subarray(0, Math.min(15, (size >>> 0) - 1));
    const start = target >>> 0;
    runtime.memory.bytes.fill(0, start, start + (size >>> 0));
    runtime.memory.bytes.set(comm, start);
    return 0;
  }),
};
