export { type Artifact, type ArtifactOptions, type ArtifactProgram, buildArtifact } from "./artifact/artifact.js";
export type { ArtifactHelperInfo, ArtifactInfo, ArtifactMapInfo, ArtifactProgramInfo } from "./artifact/info.js";
export { type Backend, type BinaryenBackend, type BinaryenOptions, loadBinaryen } from "./backend.js";
export { type CompiledProgram, type CompileOptions, compile, type Tier } from "./compile.js";
export { JitError, type JitErrorCode } from "./errors.js";
export { type LoweringPort, type LoweringWorker, serveLowering } from "./lowering-worker.js";
export type { FinishOptions } from "./module.js";
export { compileTiered, type TieredOptions, type TieredProgram } from "./tiered.js";
export type { SourceMap } from "./wasm/source-map.js";
