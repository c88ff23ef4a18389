import type { Btf } from "../btf.js";
import { BtfError } from "../errors.js";
import type { BtfField } from "../fields.js";
import type { BtfEnum, BtfEnum64 } from "../types.js";

/*
 * What kinds of value there are, seen from JavaScript. Decoding, encoding and formatting dispatch on these few shapes
 * instead of on the kinds of type.
 */

/** A number of so many bits. `wide` ones are bigints. */
export interface ScalarShape {
  readonly kind: "scalar";
  readonly as: "integer" | "bool" | "pointer" | "enum";
  readonly signed: boolean;
  /** Bits of the value, and where they begin inside of the type's bytes. */
  readonly bitSize: number;
  readonly bitOffset: number;
  readonly wide: boolean;
  readonly names?: (BtfEnum | BtfEnum64)["values"];
}

/** The shape of a type's values, told apart by `kind`. */
export type Shape =
  | ScalarShape
  | { readonly kind: "float"; readonly size: 4 | 8 }
  | { readonly kind: "text"; readonly length: number }
  | { readonly kind: "list"; readonly length: number; readonly element: number; readonly stride: number }
  | { readonly kind: "object"; readonly fields: readonly BtfField[] };

const scalar = (as: ScalarShape["as"], size: number, signed: boolean): ScalarShape => ({
  kind: "scalar",
  as,
  signed,
  bitSize: 8 * size,
  bitOffset: 0,
  wide: size > 4,
});

/** True for `char`, as opposed to `signed char` and `unsigned char`, which hold small numbers. */
const isCharacter = (btf: Btf, id: number): boolean => {
  const type = btf.resolvedType(id);
  return type.kind === "int" && type.size === 1 && (type.name === "char" || type.encoding === "char");
};

/**
 * The shape of a type's values.
 *
 * @throws BtfError `INCOMPLETE_TYPE` for types without values, `UNSUPPORTED` for floats that are neither 4 nor 8 bytes.
 */
export const shapeOf = (btf: Btf, id: number): Shape => {
  const type = btf.resolvedType(id);
  switch (type.kind) {
    case "int":
      return {
        ...scalar(type.encoding === "bool" ? "bool" : "integer", type.size, type.encoding === "signed"),
        bitSize: type.bits,
        bitOffset: type.bitOffset,
      };
    case "ptr":
      return { ...scalar("pointer", btf.pointerSize, false), wide: true };
    case "enum":
    case "enum64":
      if (type.size === 0) throw new BtfError("INCOMPLETE_TYPE", `enum ${type.name} is only declared`, btf.placeOf(id));
      return { ...scalar("enum", type.size, type.signed), wide: type.kind === "enum64", names: type.values };
    case "float":
      if (type.size === 4 || type.size === 8) return { kind: "float", size: type.size };
      throw new BtfError("UNSUPPORTED", `${type.name} of ${type.size} bytes has no JavaScript counterpart`);
    case "array":
      if (isCharacter(btf, type.elementType)) return { kind: "text", length: type.length };
      return listShape(btf, type.elementType, type.length);
    case "struct":
    case "union":
    case "datasec":
      return { kind: "object", fields: btf.fields(id) };
    case "var":
      return shapeOf(btf, variableType(btf, type.type));
    default:
      throw new BtfError("INCOMPLETE_TYPE", `${btf.typeName(id)} has no values`, btf.placeOf(id));
  }
};

/** Elements without bytes can be counted without end, and say nothing: such a list is empty. */
const listShape = (btf: Btf, element: number, length: number): Shape => {
  const stride = btf.sizeOf(element);
  return { kind: "list", element, stride, length: stride === 0 ? 0 : length };
};

/** The type of a variable, which is no variable again. */
const variableType = (btf: Btf, id: number): number => {
  if (btf.resolvedType(id).kind === "var")
    throw new BtfError("TOO_DEEP", "it is a variable of a variable's type", btf.placeOf(id));
  return id;
};
