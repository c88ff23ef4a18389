export { ElfError, type ElfErrorCode } from "./errors.js";
export { type ReadOptions, readObject } from "./object.js";
