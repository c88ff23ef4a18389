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
