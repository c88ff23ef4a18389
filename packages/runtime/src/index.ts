export type { BindOptions, BoundProgram } from "./bound-program.js";
export { ERRNO } from "./errno.js";
export { type FaultCode, RuntimeError, type RuntimeErrorCode, RuntimeFault } from "./errors.js";
export { DEFAULT_BUDGET, type Executable, type ExecutionOptions } from "./executable.js";
export { entryCost, functionStarts, loopCost } from "./functions.js";
export { CHECKSUM_FLAGS } from "./helpers/checksum.js";
export {
  type FunctionImplementation,
  type HelperImplementation,
  type HelperTable,
  helper,
  type Parameter,
  type TailCallImplementation,
  type WordFunction,
  wordsOf,
} from "./helpers/implementation.js";
export { LINUX_HELPERS } from "./helpers/linux.js";
export { MAX_LOOP_ROUNDS } from "./helpers/loop.js";
export { SKB_STORE_FLAGS, XDP_REACH } from "./helpers/packet.js";
export { type InterpreterOptions, interpret, type StepState } from "./interpreter/interpret.js";
export * from "./layout.js";
export type { LinearMemory } from "./linear-memory.js";
export { HASH_MULTIPLIER, hashKey } from "./maps/hash-function.js";
export { KeyedMap } from "./maps/keyed-map.js";
export { HASH_ELEMENT, MAP_HEADER, MAP_HEADER_SIZE } from "./maps/layout.js";
export { PerfEventArray, type PerfSample } from "./maps/perf-event-array.js";
export { QueueMap } from "./maps/queue.js";
export { ReferenceArray } from "./maps/reference-array.js";
export { RingBufferMap } from "./maps/ringbuf.js";
export { RuntimeMap, UPDATE_FLAGS } from "./maps/runtime-map.js";
export type { PendingRedirect } from "./packet.js";
export { type PacketBatch, packPackets } from "./packet-batch.js";
export { ETHERNET_HEADER, HEADER_OFFSET, loadFromPacket } from "./packet-load.js";
export { type Callback, type Callee, ProgramHost } from "./program-host.js";
export { XORSHIFT } from "./random.js";
export type { RunInput, RunResult } from "./run-input.js";
export { type KernelFunction, type ProcessIdentity, Runtime, type RuntimeOptions } from "./runtime.js";
export { verifiedContext } from "./verified-context.js";
