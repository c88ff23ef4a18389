export { Btf, type BtfOptions } from "./btf.js";
export { BtfBuilder, type EnumOptions } from "./builder.js";
export type { MemberSpec, MemberSpecs } from "./c-layout.js";
export type { TypePair } from "./co-re/compatible.js";
export { compatibleTypes } from "./co-re/compatible-types.js";
export { withoutFlavour } from "./co-re/flavour.js";
export { patchCore } from "./co-re/patch.js";
export { CoreRelocator } from "./co-re/relocator.js";
export {
  type CoreComparison,
  type CoreFinding,
  type CoreOutcome,
  type CoreTarget,
  compareTargets,
} from "./co-re/report.js";
export type { CorePoison, CoreResolution, CoreSlot, CoreValue } from "./co-re/resolution.js";
export { concatBtf, dedupeBtf, type RenumberedBtf } from "./combine/dedupe.js";
export { distillBase, relocateSplit } from "./combine/distill.js";
export { type DecodeOptions, decodeBtf, type SectionOptions } from "./decode.js";
export { type CDumpOptions, dumpC } from "./dump-c/dump-c.js";
export { dumpTypeScript, type TypeScriptDumpOptions } from "./dump-ts/dump-ts.js";
export { type BtfWithStrings, encodeBtf, encodeBtfWithStrings } from "./encode.js";
export { encodeBtfSections } from "./encode-ext.js";
export { BtfError, type BtfErrorCode, type TypePlace } from "./errors.js";
export {
  type BtfExt,
  CORE_RELOCATION_KINDS,
  type CoreRelocationKind,
  type CoreRelocationRecord,
  decodeBtfExt,
  type FunctionRecord,
  type LineRecord,
} from "./ext.js";
export type { BtfField } from "./fields.js";
export { forEachReference, mapReferences } from "./references.js";
export { StringTable } from "./strings.js";
export type { TypeSource } from "./type-source.js";
export type * from "./types.js";
export { decodeValue, type ValueOptions } from "./value/decode.js";
export { encodeValue } from "./value/encode.js";
export { formatValue } from "./value/format.js";
export type { BtfObject, BtfValue } from "./value/value.js";
