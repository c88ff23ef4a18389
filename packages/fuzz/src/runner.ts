export { type ByteFuzzOptions, type ByteFuzzReport, fuzzBytes } from "./bytes/fuzz-bytes.js";
export type { ByteFinding } from "./bytes/protocol.js";
export { BYTE_TARGETS, type ByteTarget, type ByteTargetName } from "./bytes/targets.js";
export { readCases, readInputs, writeCase, writeInput } from "./runner/corpus.js";
export { type FuzzOptions, type FuzzReport, fuzz, ORACLES } from "./runner/fuzz.js";
export type { CaseFinding, Origin } from "./runner/protocol.js";
export { replay } from "./runner/replay.js";
export { renderByteReport, renderReport } from "./runner/report.js";
export { readSelftests } from "./runner/selftests.js";
