export { ATTACH_TYPES, type AttachType, attachTypeNumber } from "./attach-types.js";
export { type ContextField, type ContextLayout, type ContextValue, objectOffsets, takesPackets } from "./context.js";
export {
  definePlatform,
  type OwnHelper,
  type OwnProgramType,
  type PlatformParts,
} from "./define/define-platform.js";
export type { OwnMapType } from "./define/map-type.js";
export { PlatformError, type PlatformErrorCode } from "./errors.js";
export {
  type ArgumentType,
  type CallbackParameter,
  type HelperPrototype,
  type HelperVariant,
  helperFor,
  type MemoryAccess,
  type ReturnClass,
  type ReturnType,
} from "./helper.js";
export { linux, linuxRecorder } from "./linux/linux.js";
export { RETURN_NAMES } from "./linux/return-names.js";
export { type LinuxMapType, MAP_FLAGS, MAP_TYPES, type MapTypeName, mapTypeNumber } from "./map-types.js";
export type { ExitRule, MapSizes, MapTypeRules, Platform, PlatformLimits, ProgramTypeRules } from "./platform.js";
export { decodeProgramFlags, encodeProgramFlags, PROGRAM_FLAGS } from "./program-flags.js";
export { type LinuxProgramType, PROGRAM_TYPES, type ProgramTypeName, programTypeNumber } from "./program-types.js";
export { parseSectionName, SECTION_RULES, type SectionMeaning, type SectionRule } from "./sections.js";
export {
  type FunctionInfo,
  type LineInfo,
  type MapEntry,
  type MapSpec,
  type ObjectProgram,
  type ObjectSpec,
  type ProgramFlags,
  type ProgramName,
  type ProgramSpec,
  placeOfLine,
  programSpec,
  type StructOps,
} from "./spec.js";
export type { KernelMember, KernelStructure } from "./structure.js";
