import type { Btf } from "./btf.js";
import type { BtfFuncProto, BtfPtr, BtfType, BtfTypeTag } from "./types.js";

/** A type that a declarator ends at: all but pointers, arrays, functions, qualifiers and type tags. */
export type BtfLeaf = Exclude<
  BtfType,
  BtfPtr | BtfFuncProto | BtfTypeTag | { readonly kind: "array" | "const" | "volatile" | "restrict" }
>;

/** How the parts of a declaration are written. */
export interface DeclaratorStyle {
  /** The type at the end, such as `struct event`. */
  leaf(type: BtfLeaf, id: number): string;
  /** An attribute for a type tag, or "" to leave it out. */
  tag(tag: BtfTypeTag): string;
  /** The parameters between the parentheses; `depth` is how far the function is from the start. */
  parameters(proto: BtfFuncProto, depth: number): string;
  /** Called at each step; a text ends the walk there. */
  stop(depth: number): string | undefined;
}

/**
 * Declares `inner` with a type in C. A declarator grows from the inside out: `inner` is what stands where C has the
 * variable's name, and may be empty.
 */
export const declare = (btf: Btf, id: number, inner: string, style: DeclaratorStyle, depth = 0): string =>
  walk({ btf, style }, id, { inner, qualifiers: [] }, depth);

interface Context {
  readonly btf: Btf;
  readonly style: DeclaratorStyle;
}

/** A declarator so far, and what qualifies the type that comes next. */
interface Declarator {
  readonly inner: string;
  readonly qualifiers: readonly string[];
}

const walk = (context: Context, id: number, { inner, qualifiers }: Declarator, depth: number): string => {
  const { btf, style } = context;
  const stop = style.stop(depth);
  if (stop !== undefined) return joinWords(...qualifiers, stop, inner);
  const type = btf.type(id);
  const next = (of: number, declarator: Declarator): string => walk(context, of, declarator, depth + 1);
  switch (type.kind) {
    case "ptr": {
      const pointer = `*${joinWords(...qualifiers, inner)}`;
      return next(type.type, { inner: bindsTighter(btf, type.type) ? `(${pointer})` : pointer, qualifiers: [] });
    }
    case "array": // an array's qualifiers are those of its elements
      return next(type.elementType, { inner: `${inner}[${type.length}]`, qualifiers });
    case "func_proto":
      return next(type.returnType, { inner: `${inner}(${style.parameters(type, depth)})`, qualifiers: [] });
    case "volatile":
    case "const":
    case "restrict":
      return next(type.type, {
        inner,
        qualifiers: qualifiers.includes(type.kind) ? qualifiers : [...qualifiers, type.kind],
      });
    case "type_tag":
      return next(type.type, { inner: joinWords(style.tag(type), inner), qualifiers });
    default:
      return joinWords(...qualifiers, style.leaf(type, id), inner);
  }
};

/** Words with spaces between, but none before the length of an array without a name. */
export const joinWords = (...words: readonly string[]): string =>
  words
    .filter((word) => word !== "")
    .join(" ")
    .replace(/ (?=\[)/, "");

/** True when the parts of a type stand behind its declarator, which therefore needs parentheses around its star. */
const bindsTighter = (btf: Btf, id: number): boolean => {
  let type = btf.type(id);
  for (let depth = 0; depth < 8; depth++) {
    if (type.kind !== "const" && type.kind !== "volatile" && type.kind !== "restrict" && type.kind !== "type_tag")
      break;
    type = btf.type(type.type);
  }
  return type.kind === "array" || type.kind === "func_proto";
};
