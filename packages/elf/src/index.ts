export { ElfError, type ElfErrorCode, type ElfErrorDetails } from "./errors.js";
export { parseKconfig } from "./externs/kconfig.js";
export type { LinkInput } from "./link/input.js";
export { linkObjects } from "./link/link-objects.js";
export { readMapDefinition } from "./maps/btf-maps.js";
export { type ObjectFile, openObject, readObject } from "./object.js";
export type { KernelDescription, ReadOptions } from "./options.js";
export { type ProgramSource, programsAssembly } from "./write/programs-assembly.js";
export { type ObjectSource, writeObject } from "./write/write-object.js";
