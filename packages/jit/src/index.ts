export { type CompiledProgram, type CompileOptions, compile, type Tier } from "./compile.js";
export { JitError, type JitErrorCode } from "./errors.js";
export type { SourceMap } from "./wasm/source-map.js";
