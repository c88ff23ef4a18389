import type { Btf } from "../btf.js";
import type { BtfField } from "../fields.js";
import type { BtfEnum, BtfEnum64 } from "../types.js";
import { type ScalarShape, shapeOf } from "../value/shape.js";
import type { TypeNames } from "./type-names.js";

/** A type that is declared as an interface. */
export interface DeclaredType {
  readonly id: number;
  readonly name: string;
  readonly fields: readonly BtfField[];
}

/** An enumeration's values, and a type that shows them but takes any number. */
export const enumText = (type: BtfEnum | BtfEnum64, name: string): string => {
  const isWide = type.kind === "enum64";
  const values = new Map(type.values.map((value) => [value.name, value.value]));
  const lines = [...values].map(([key, value]) => `  ${keyText(key)}: ${value}${isWide ? "n" : ""},\n`);
  const any = isWide ? "bigint" : "number";
  return [
    `export const ${name} = {\n${lines.join("")}} as const;\n`,
    `export type ${name} = (typeof ${name})[keyof typeof ${name}] | (${any} & {});\n`,
  ].join("\n");
};

/** The members with their types. */
export const interfaceText = (btf: Btf, names: TypeNames, { id, name, fields }: DeclaredType): string => {
  const lines = unique(fields).map((field) => `  ${keyText(field.name)}: ${typeText(btf, names, field, name)};\n`);
  return `/** \`${commentText(btf.typeName(id))}\`, ${btf.sizeOf(id)} bytes. */\nexport interface ${name} {\n${lines.join("")}}\n`;
};

/** The function that reads the members. */
export const readerText = (btf: Btf, names: TypeNames, { name, fields }: DeclaredType): string => {
  const lines = unique(fields).map((field) => {
    const place = { offset: "offset", bitOffset: field.bitOffset, bitSize: field.bitSize, path: name + field.name };
    return `  ${keyText(field.name)}: ${readText(btf, names, field.type, place)},\n`;
  });
  return `export const read${name} = (view: DataView, offset = 0): ${name} => ({\n${lines.join("")}});\n`;
};

/** The function that writes the members that it is given. */
export const writerText = (btf: Btf, names: TypeNames, { name, fields }: DeclaredType): string => {
  const lines = unique(fields).map((field) => {
    const place = { offset: "offset", bitOffset: field.bitOffset, bitSize: field.bitSize, path: name + field.name };
    const value = `value${accessText(field.name)}`;
    return `  if (${value} !== undefined) ${writeText(btf, names, field.type, value, place)};\n`;
  });
  const parameters = `view: DataView, offset: number, value: Partial<${name}>`;
  return `export const write${name} = (${parameters}): void => {\n${lines.join("")}};\n`;
};

/** Of members with one name, which only BTF that no compiler made has, the last counts. */
const unique = (fields: readonly BtfField[]): BtfField[] => [
  ...new Map(fields.map((field) => [field.name, field])).values(),
];

const typeText = (
  btf: Btf,
  names: TypeNames,
  { type, name }: { type: number; name: string },
  parent: string,
): string => {
  const shape = shapeOf(btf, type);
  switch (shape.kind) {
    case "scalar":
      if (shape.as === "enum") return names.of(type, `${parent} ${name}`);
      return shape.as === "bool" ? "boolean" : numberType(shape);
    case "float":
      return "number";
    case "text":
      return "string";
    case "list":
      return `readonly ${wrapped(typeText(btf, names, { type: shape.element, name }, parent))}[]`;
    case "object":
      return names.of(type, `${parent} ${name}`);
  }
};

const wrapped = (text: string): string => (text.startsWith("readonly ") ? `(${text})` : text);

const numberType = ({ wide }: ScalarShape): string => (wide ? "bigint" : "number");

/** Where a value is: at an expression in bytes, and bits from there. */
interface Place {
  readonly offset: string;
  readonly bitOffset: number;
  /** Bits of a bitfield, or 0. */
  readonly bitSize: number;
  /** What to call the type if it has no name. */
  readonly path: string;
}

const readText = (btf: Btf, names: TypeNames, typeId: number, place: Place): string => {
  const shape = shapeOf(btf, typeId);
  const offset = plus(place.offset, place.bitOffset / 8);
  switch (shape.kind) {
    case "scalar":
      return readScalar(shape, place);
    case "float":
      return `view.getFloat${8 * shape.size}(${offset}, LITTLE)`;
    case "text":
      return `readText(view, ${offset}, ${shape.length})`;
    case "list": {
      const index = indexName(place);
      const element = readText(btf, names, shape.element, elementOf(place, shape.stride, index));
      return `readList(${shape.length}, (${index}) => ${element.startsWith("{") ? `(${element})` : element})`;
    }
    case "object":
      return `read${names.of(typeId, place.path)}(view, ${offset})`;
  }
};

const readScalar = (shape: ScalarShape, place: Place): string => {
  const { bits, bitOffset } = bitsOf(shape, place);
  const method = methodOf(bits, bitOffset, shape);
  if (method !== undefined) {
    const read = `view.get${method}(${plus(place.offset, bitOffset / 8)}${bits > 8 ? ", LITTLE" : ""})`;
    return shape.as === "bool" ? `${read} !== 0` : read;
  }
  const read = `readBits(view, 8 * (${place.offset}) + ${bitOffset}, ${bits})`;
  if (shape.as === "bool") return `${read} !== 0n`;
  const signed = shape.signed ? `BigInt.asIntN(${bits}, ${read})` : read;
  return shape.wide ? signed : `Number(${signed})`;
};

const writeText = (btf: Btf, names: TypeNames, typeId: number, value: string, place: Place): string => {
  const shape = shapeOf(btf, typeId);
  const offset = plus(place.offset, place.bitOffset / 8);
  switch (shape.kind) {
    case "scalar":
      return writeScalar(shape, value, place);
    case "float":
      return `view.setFloat${8 * shape.size}(${offset}, ${value}, LITTLE)`;
    case "text":
      return `writeText(view, ${offset}, ${shape.length}, ${value})`;
    case "list": {
      const index = indexName(place);
      const element = `element${index.slice(1)}`;
      const write = writeText(btf, names, shape.element, element, elementOf(place, shape.stride, index));
      return `writeList(${value}, ${shape.length}, (${element}, ${index}) => ${write})`;
    }
    case "object":
      return `write${names.of(typeId, place.path)}(view, ${offset}, ${value})`;
  }
};

const writeScalar = (shape: ScalarShape, value: string, place: Place): string => {
  const { bits, bitOffset } = bitsOf(shape, place);
  const method = methodOf(bits, bitOffset, shape);
  if (method === undefined) return `writeBits(view, 8 * (${place.offset}) + ${bitOffset}, ${bits}, ${value})`;
  const number = shape.as === "bool" ? `Number(${value})` : value;
  return `view.set${method}(${plus(place.offset, bitOffset / 8)}, ${number}${bits > 8 ? ", LITTLE" : ""})`;
};

const bitsOf = (shape: ScalarShape, { bitOffset, bitSize }: Place): { bits: number; bitOffset: number } =>
  bitSize > 0 ? { bits: bitSize, bitOffset } : { bits: shape.bitSize, bitOffset: bitOffset + shape.bitOffset };

/** What of `DataView` reads a whole number, or undefined. */
const methodOf = (bits: number, bitOffset: number, { signed, wide, as }: ScalarShape): string | undefined => {
  if (bitOffset % 8 !== 0 || ![8, 16, 32, 64].includes(bits) || wide !== bits > 32) return undefined;
  if (as === "bool" && bits > 32) return undefined;
  return `${bits === 64 ? "Big" : ""}${signed ? "Int" : "Uint"}${bits}`;
};

/** The place of an element, by an index that the text names. */
const elementOf = ({ offset, bitOffset, path }: Place, stride: number, index: string): Place => ({
  offset: `${plus(offset, bitOffset / 8)} + ${stride} * ${index}`,
  bitOffset: 0,
  bitSize: 0,
  path,
});

/** `i`, or `i2`, `i3` … inside of other lists. */
const indexName = ({ offset }: Place): string => {
  const depth = offset.split(" * ").length;
  return depth === 1 ? "i" : `i${depth}`;
};

const plus = (offset: string, bytes: number): string => (bytes === 0 ? offset : `${offset} + ${bytes}`);

/** A member's name in an interface or object; `__proto__` alone would not be a member in an object. */
const keyText = (name: string): string => {
  if (name === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
};

const accessText = (name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;

/** A name that does not end the comment it stands in. */
const commentText = (name: string): string => name.replaceAll("*/", "* /").replace(/[\r\n\u2028\u2029`]/g, " ");
