export { readCases, writeCase } from "./runner/corpus.js";
export { type FuzzOptions, type FuzzReport, fuzz, ORACLES } from "./runner/fuzz.js";
export type { CaseFinding, Origin } from "./runner/protocol.js";
export { replay } from "./runner/replay.js";
export { renderReport } from "./runner/report.js";
export { readSelftests } from "./runner/selftests.js";
