import type { AttachType } from "../attach-types.js";

/** Hooks that report an address after the fact: they can change it, but refuse nothing. */
export const ADDRESS_REPORTS: readonly AttachType[] = [
  "cgroup_udp4_recvmsg",
  "cgroup_udp6_recvmsg",
  "cgroup_unix_recvmsg",
  "cgroup_inet4_getpeername",
  "cgroup_inet6_getpeername",
  "cgroup_unix_getpeername",
  "cgroup_inet4_getsockname",
  "cgroup_inet6_getsockname",
  "cgroup_unix_getsockname",
];
