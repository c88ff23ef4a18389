export { type CompiledProgram, compile } from "./compile.js";
export { JitError, type JitErrorCode } from "./errors.js";
