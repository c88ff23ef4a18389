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
export { highOf, joinHalves, joinHalvesSigned, lowOf, multiplyHighHalf } from "./u64.js";
