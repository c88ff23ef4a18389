import { assertNever } from "@ebpf/core";
import type { Btf } from "./btf.js";
import { MAX_DEPTH } from "./limits.js";
import type { BtfFuncProto } from "./types.js";

/** Parameters of a function pointer that are written out; a name is for people to read. */
const MAX_PARAMETERS = 12;
/** Characters of a single name that are written out; the kernel has no longer ones. */
const MAX_NAME = 512;

/**
 * The type's name as in C; see `Btf.typeName`. A declarator grows from the inside out: `inner` is what stands where C
 * has the variable's name.
 */
export const nameOf = (btf: Btf, id: number): string => declare(btf, id, "", 0);

const declare = (btf: Btf, id: number, inner: string, depth: number): string => {
  const type = btf.type(id);
  if (depth > MAX_DEPTH) return join("…", inner);
  const next = (of: number, declarator: string): string => declare(btf, of, declarator, depth + 1);
  switch (type.kind) {
    case "void":
      return join("void", inner);
    case "int":
    case "float":
    case "typedef":
    case "func":
    case "var":
    case "datasec":
      return join(type.name, inner);
    case "struct":
    case "union":
      return join(tagged(type.kind, type.name), inner);
    case "fwd":
      return join(tagged(type.target, type.name), inner);
    case "enum":
    case "enum64":
      return join(tagged("enum", type.name), inner);
    case "ptr":
      return next(type.type, bindsTighter(btf, type.type) ? `(*${inner})` : `*${inner}`);
    case "array":
      return next(type.elementType, `${inner}[${type.length}]`);
    case "func_proto":
      return next(type.returnType, `${inner}(${parameters(btf, type, depth)})`);
    case "volatile":
    case "const":
    case "restrict":
      return qualified(btf, type.kind, type.type, inner, depth);
    case "type_tag":
      return next(type.type, inner);
    case "decl_tag":
      return join(`btf_decl_tag("${type.name}")`, inner);
    default:
      return assertNever(type);
  }
};

/** `const` stands before a plain type, and behind the star of a pointer. */
const qualified = (btf: Btf, qualifier: string, of: number, inner: string, depth: number): string => {
  const behind = btf.type(of).kind === "ptr";
  const declarator = behind ? join(qualifier, inner) : inner;
  const text = declare(btf, of, declarator, depth + 1);
  return behind ? text : `${qualifier} ${text}`;
};

const join = (name: string, declarator: string): string => {
  const shown = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
  if (declarator === "") return shown;
  return declarator.startsWith("[") ? `${shown}${declarator}` : `${shown} ${declarator}`;
};

const tagged = (tag: string, name: string): string => (name === "" ? `${tag} (anonymous)` : `${tag} ${name}`);

const bindsTighter = (btf: Btf, id: number): boolean => {
  const { kind } = btf.type(id);
  return kind === "array" || kind === "func_proto";
};

/** Types of parameters; functions among them aren't taken apart again, so that a name stays short. */
const parameters = (btf: Btf, proto: BtfFuncProto, depth: number): string => {
  if (proto.parameters.length === 0) return "void";
  const shown = proto.parameters.slice(0, MAX_PARAMETERS).map(({ name, type }) => {
    if (type === 0 && name === "") return "...";
    return declare(btf, type, "", Math.max(depth + 1, MAX_DEPTH - 3));
  });
  return [...shown, ...(proto.parameters.length > MAX_PARAMETERS ? ["…"] : [])].join(", ");
};
