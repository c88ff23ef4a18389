import { CHECKSUM_HELPERS } from "./checksum.js";
import { EVENT_HELPERS } from "./events.js";
import type { HelperTable } from "./implementation.js";
import { LOOP_HELPERS } from "./loop.js";
import { MACHINE_HELPERS } from "./machine.js";
import { MAP_HELPERS } from "./map.js";
import { PACKET_HELPERS } from "./packet.js";
import { PROBE_HELPERS } from "./probe.js";
import { TRACE_HELPERS } from "./trace.js";

/** Every helper of Linux that has an implementation. */
export const LINUX_HELPERS: HelperTable = Object.freeze({
  ...MAP_HELPERS,
  ...MACHINE_HELPERS,
  ...TRACE_HELPERS,
  ...PROBE_HELPERS,
  ...PACKET_HELPERS,
  ...CHECKSUM_HELPERS,
  ...EVENT_HELPERS,
  ...LOOP_HELPERS,
  bpf_tail_call: { kind: "tail_call" },
});
