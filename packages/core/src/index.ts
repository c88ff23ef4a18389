export { type ByteOrder, ByteReader, type MalformedCode, MalformedError } from "./byte-reader.js";
export { ByteWriter } from "./byte-writer.js";
export {
  assertNever,
  EbpfError,
  type ErrorDetails,
  InvariantError,
  invariant,
  isEbpfError,
  type SourcePlace,
} from "./error.js";
export { bytesToHex, hexToBytes } from "./hex.js";
export {
  divideUnsigned32,
  highOf,
  joinHalves,
  joinHalvesSigned,
  lowOf,
  multiplyHigh32,
  multiplyHighHalf,
} from "./u64.js";
