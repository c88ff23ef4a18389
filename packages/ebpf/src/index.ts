export { Collection, type CollectionParts } from "./collection.js";
export { LoadError, type LoadErrorCode, VerificationError } from "./errors.js";
export { type LoadOptions, load, loadObject } from "./load.js";
export { LoadedMap, MapError, type MapErrorCode, type SetMode } from "./map.js";
export { type CapturedPacket, readPcap } from "./pcap.js";
export { type Engine, LoadedProgram, type LoadTimes, type ProgramResult } from "./program.js";
export { type MapValue, TypedBytes } from "./typed-bytes.js";
export { Variables } from "./variables.js";
