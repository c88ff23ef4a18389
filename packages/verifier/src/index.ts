export type { Pruning } from "./prune/explored.js";
export { CODES, type RejectionCode } from "./report/codes.js";
export type { FlowEvent, LivenessEvent, PrecisionEvent, WalkEmit, WalkEvent } from "./report/events.js";
export { ADDRESS_REACH, type InstructionFacts, type StackFacts } from "./report/facts.js";
export { type KernelLogOptions, kernelLog } from "./report/kernel-log/log.js";
export { type RenderOptions, renderDiagnostic } from "./report/render.js";
export {
  type CodePlace,
  type Diagnostic,
  PATH_LIMIT,
  type PathStep,
  type Provenance,
  type Report,
  type Statistics,
  type SubprogramReport,
} from "./report/report.js";
export {
  type RejectedProgram,
  type SarifLocation,
  type SarifLog,
  type SarifRemark,
  type SarifResult,
  type SarifRule,
  type SarifStep,
  toSarif,
} from "./report/sarif.js";
export {
  type ByteView,
  type FrameView,
  type NumberView,
  type RegisterView,
  type SlotView,
  type StateView,
  viewState,
} from "./report/view.js";
export type { PointerKind, RegisterKind } from "./state/register.js";
export { type Progress, type VerifyOptions, verify } from "./verify.js";
