export { ATTACH_TYPES, type AttachType, attachTypeNumber } from "./attach-types.js";
export { MAP_FLAGS, MAP_TYPES, type MapTypeName, mapTypeNumber } from "./map-types.js";
export { PROGRAM_TYPES, type ProgramTypeName, programTypeNumber } from "./program-types.js";
export { parseSectionName, SECTION_RULES, type SectionMeaning, type SectionRule } from "./sections.js";
export type {
  FunctionInfo,
  LineInfo,
  MapEntry,
  MapSpec,
  ObjectProgram,
  ObjectSpec,
  ProgramFlags,
  ProgramSpec,
} from "./spec.js";
export type { ContextField, ContextLayout, ContextValue } from "./context.js";
export type { ArgumentType, HelperPrototype, ReturnClass, ReturnType } from "./helper.js";
export type { Platform, PlatformLimits, ProgramTypeRules } from "./platform.js";
