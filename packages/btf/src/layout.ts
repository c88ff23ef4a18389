import { assertNever } from "@ebpf/core";
import type { Btf } from "./btf.js";
import { layoutOfComposite } from "./c-layout.js";
import { BtfError } from "./errors.js";
import { MAX_DEPTH } from "./limits.js";

/** Bytes of a pointer of BPF programs and of all 64-bit machines. */
const POINTER_SIZE = 8;

/** How compilers write the names of `long` and `unsigned long`. */
const LONG_NAMES = ["long", "long int", "int long", "unsigned long", "long unsigned", "unsigned long int"].concat([
  "unsigned int long",
  "long unsigned int",
  "long int unsigned",
  "int unsigned long",
  "int long unsigned",
]);

/** Bytes of a pointer; BTF doesn't say, but `long` has as many on every Linux. See `Btf.pointerSize`. */
export const pointerSizeOf = (btf: Btf): 4 | 8 => {
  for (const name of LONG_NAMES) {
    const id = btf.findByName(name, "int");
    const type = id === undefined ? undefined : btf.type(id);
    if (type?.kind === "int" && (type.size === 4 || type.size === 8)) return type.size;
  }
  return POINTER_SIZE;
};

/** Bytes of a value of a type; see `Btf.sizeOf`. */
export const sizeOf = (btf: Btf, id: number): number => {
  let count = 1;
  let current = id;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const type = btf.resolvedType(current);
    switch (type.kind) {
      case "int":
      case "enum":
      case "enum64":
      case "float":
      case "struct":
      case "union":
      case "datasec":
        return total(btf, id, count, type.size);
      case "ptr":
        return total(btf, id, count, btf.pointerSize);
      case "array":
        count *= type.length;
        current = type.elementType;
        break;
      case "var":
        current = type.type;
        break;
      default:
        throw new BtfError("INCOMPLETE_TYPE", `${btf.typeName(id)} has no size`, btf.placeOf(id));
    }
  }
  throw new BtfError("TOO_DEEP", `it nests deeper than ${MAX_DEPTH} arrays`, btf.placeOf(id));
};

const total = (btf: Btf, id: number, count: number, size: number): number => {
  const bytes = count * size;
  if (!Number.isSafeInteger(bytes)) {
    throw new BtfError("LIMIT", `${btf.typeName(id)} has more bytes than any memory`, btf.placeOf(id));
  }
  return bytes;
};

/**
 * Bytes that a value of a type is aligned to; see `Btf.alignOf`.
 *
 * @param known results by resolved id: members that share types would otherwise be walked again and again
 */
export const alignmentOf = (btf: Btf, id: number, known: Map<number, number>, depth = 0): number => {
  if (depth > MAX_DEPTH) throw new BtfError("TOO_DEEP", `it nests deeper than ${MAX_DEPTH} types`, btf.placeOf(id));
  const resolved = btf.resolve(id);
  const before = known.get(resolved);
  if (before !== undefined) return before;
  const alignment = compute(btf, resolved, (inner) => alignmentOf(btf, inner, known, depth + 1));
  known.set(resolved, alignment);
  return alignment;
};

const compute = (btf: Btf, id: number, alignOf: (id: number) => number): number => {
  const type = btf.type(id);
  switch (type.kind) {
    case "int":
      return Math.max(1, type.size > 8 ? type.size : Math.min(type.size, btf.pointerSize));
    case "enum":
    case "enum64":
    case "float":
      return Math.max(1, Math.min(type.size, btf.pointerSize));
    case "ptr":
      return btf.pointerSize;
    case "array":
      return alignOf(type.elementType);
    case "var":
      return alignOf(type.type);
    case "struct":
    case "union":
      return layoutOfComposite(type, (inner) => btf.sizeOf(inner), alignOf).alignment;
    case "datasec":
      return btf.pointerSize;
    case "void":
    case "fwd":
    case "func":
    case "func_proto":
    case "decl_tag":
      throw new BtfError("INCOMPLETE_TYPE", `${btf.typeName(id)} has no alignment`, btf.placeOf(id));
    case "typedef":
    case "volatile":
    case "const":
    case "restrict":
    case "type_tag":
      return alignOf(type.type);
    default:
      return assertNever(type);
  }
};
