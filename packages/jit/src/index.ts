export { type CompiledProgram, type CompileOptions, compile, type Tier } from "./compile.js";
export { JitError, type JitErrorCode } from "./errors.js";
