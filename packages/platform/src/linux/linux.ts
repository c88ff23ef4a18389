import type { Platform } from "../platform.js";
import { tableOf } from "../table.js";
import { HELPERS } from "./helpers.js";
import { LIMITS } from "./limits.js";
import { MAP_RULES } from "./map-rules.js";
import { PROGRAM_TYPE_RULES } from "./program-types.js";

/** Linux 6.18 on a machine with up to 8,192 CPUs, for a loader that holds every capability. */
export const linux: Platform = {
  name: "linux-6.18",
  programTypes: tableOf(PROGRAM_TYPE_RULES),
  helpers: HELPERS,
  mapTypes: tableOf(MAP_RULES),
  limits: LIMITS,
  cpus: 8192,
};

/** The machine that recorded the conformance data: Linux 6.18 on two CPUs. */
export const linuxRecorder: Platform = { ...linux, name: "linux-6.18-recorder", cpus: 2 };
