import { assertNever } from "@ebpf/core";
import type { BtfType } from "./types.js";

/** Called with a referenced id and where in the type it stands: a list's name and an index, or nothing. */
export type VisitReference = (id: number, list?: string, index?: number) => void;

/** Visits the id of every type that a type refers to. */
export const forEachReference = (type: BtfType, visit: VisitReference): void => {
  switch (type.kind) {
    case "void":
    case "int":
    case "enum":
    case "enum64":
    case "fwd":
    case "float":
      return;
    case "array":
      visit(type.elementType);
      visit(type.indexType);
      return;
    case "struct":
    case "union":
      type.members.forEach((member, i) => {
        visit(member.type, "members", i);
      });
      return;
    case "func_proto":
      visit(type.returnType);
      type.parameters.forEach((parameter, i) => {
        visit(parameter.type, "parameters", i);
      });
      return;
    case "datasec":
      type.variables.forEach((variable, i) => {
        visit(variable.type, "variables", i);
      });
      return;
    case "ptr":
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
    case "func":
    case "var":
    case "decl_tag":
    case "type_tag":
      visit(type.type);
      return;
    default:
      assertNever(type);
  }
};

/** The type with other ids for those that it refers to. */
export const mapReferences = <T extends BtfType>(type: T, map: (id: number) => number): T => remap(type, map) as T;

const remap = (type: BtfType, map: (id: number) => number): BtfType => {
  switch (type.kind) {
    case "void":
    case "int":
    case "enum":
    case "enum64":
    case "fwd":
    case "float":
      return type;
    case "array":
      return { ...type, elementType: map(type.elementType), indexType: map(type.indexType) };
    case "struct":
    case "union":
      return { ...type, members: type.members.map((member) => ({ ...member, type: map(member.type) })) };
    case "func_proto":
      return {
        ...type,
        returnType: map(type.returnType),
        parameters: type.parameters.map((parameter) => ({ ...parameter, type: map(parameter.type) })),
      };
    case "datasec":
      return { ...type, variables: type.variables.map((variable) => ({ ...variable, type: map(variable.type) })) };
    case "ptr":
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
    case "func":
    case "var":
    case "decl_tag":
    case "type_tag":
      return { ...type, type: map(type.type) };
    default:
      return assertNever(type);
  }
};
