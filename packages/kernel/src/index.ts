export type { KernelBtf } from "./btf.js";
export type { Descriptor } from "./descriptor.js";
export { KernelError, type KernelErrorCode } from "./errors.js";
export { Kernel, type KernelAvailability, probeKernel } from "./kernel.js";
export { LOG_LEVEL, type LoadOptions, type LoadResult } from "./load.js";
export type { LoadStatistics } from "./log.js";
export type { KernelMap, UpdateMode } from "./map.js";
export type { SharedParts } from "./parts.js";
export type { KernelProgram, TestRun, TestRunOptions } from "./program.js";
