export { encounters } from "./arbitrary/encounter.js";
export { inputs, packets } from "./arbitrary/input.js";
export { FUZZ_MAPS } from "./arbitrary/maps.js";
export { mutations } from "./arbitrary/mutation.js";
export { instructionOf, instructions, type OperationFilter } from "./arbitrary/operation.js";
export { type ProgramOptions, programs } from "./arbitrary/program.js";
export { wellFormedPrograms } from "./arbitrary/well-formed.js";
export { FuzzError, type FuzzErrorCode } from "./errors.js";
export {
  type CaseJson,
  type CaseShape,
  caseFromJson,
  caseToJson,
  describeCase,
  type FuzzCase,
  type MapJson,
  specOf,
} from "./fuzz-case.js";
export { containment } from "./oracle/containment.js";
export { engines, enginesOracle } from "./oracle/engines.js";
export { logOracle } from "./oracle/log.js";
export { assertAgreement, type Finding, type Oracle, type Outcome } from "./oracle/outcome.js";
export { RUN_BY_KERNEL, resultOracle } from "./oracle/result.js";
export { verdictOracle } from "./oracle/verdict.js";
