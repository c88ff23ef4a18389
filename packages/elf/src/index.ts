export { ElfError, type ElfErrorCode, type ElfErrorDetails } from "./errors.js";
export { parseKconfig } from "./externs/kconfig.js";
export { type ObjectFile, openObject, readObject } from "./object.js";
export type { KernelDescription, ReadOptions } from "./options.js";
