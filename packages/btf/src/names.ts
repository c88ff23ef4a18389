import { assertNever } from "@ebpf/core";
import type { Btf } from "./btf.js";
import { type BtfLeaf, type DeclaratorStyle, declare } from "./declarator.js";
import { MAX_DEPTH } from "./limits.js";

/** Parameters of a function pointer that are written out; a name is for people to read. */
const MAX_PARAMETERS = 12;
/** Characters of a single name that are written out; the kernel has no longer ones. */
const MAX_NAME = 512;

/** The type's name as in C; see `Btf.typeName`. */
export const nameOf = (btf: Btf, id: number): string => declare(btf, id, "", styleOf(btf));

const styleOf = (btf: Btf): DeclaratorStyle => {
  const style: DeclaratorStyle = {
    leaf: (type) => shortened(leafName(type)),
    tag: () => "",
    stop: (depth) => (depth > MAX_DEPTH ? "…" : undefined),
    parameters: (proto, depth) => {
      if (proto.parameters.length === 0) return "void";
      const shown = proto.parameters.slice(0, MAX_PARAMETERS).map(({ name, type }) => {
        if (type === 0 && name === "") return "...";
        // Functions among them aren't taken apart again, so that a name stays short.
        return declare(btf, type, "", style, Math.max(depth + 1, MAX_DEPTH - 3));
      });
      return [...shown, ...(proto.parameters.length > MAX_PARAMETERS ? ["…"] : [])].join(", ");
    },
  };
  return style;
};

const leafName = (type: BtfLeaf): string => {
  switch (type.kind) {
    case "void":
      return "void";
    case "int":
    case "float":
    case "typedef":
    case "func":
    case "var":
    case "datasec":
      return type.name;
    case "struct":
    case "union":
      return tagged(type.kind, type.name);
    case "fwd":
      return tagged(type.target, type.name);
    case "enum":
    case "enum64":
      return tagged("enum", type.name);
    case "decl_tag":
      return `btf_decl_tag("${type.name}")`;
    default:
      return assertNever(type);
  }
};

const shortened = (name: string): string => (name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);

const tagged = (tag: string, name: string): string => (name === "" ? `${tag} (anonymous)` : `${tag} ${name}`);
