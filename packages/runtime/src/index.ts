export { type FaultCode, RuntimeError, type RuntimeErrorCode, RuntimeFault } from "./errors.js";
export type { Executable, ExecutionOptions } from "./executable.js";
export { type HelperTable, helper } from "./helpers/implementation.js";
export { interpret } from "./interpreter/interpret.js";
export * from "./layout.js";
export type { PendingRedirect } from "./packet.js";
export type { RunInput, RunResult } from "./run-input.js";
export { Runtime, type RuntimeOptions } from "./runtime.js";
