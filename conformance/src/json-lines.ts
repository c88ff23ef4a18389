import { ConformanceError } from "./errors.js";

/** The fields that an object must have: their type, or their own fields. */
export interface Shape {
  readonly [field: string]: "string" | "number" | "array" | Shape;
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);

/** Holds a value against a shape. @throws ConformanceError `BAD_CASE` naming the field at fault */
export const checkShape = (value: unknown, shape: Shape, where: string): void => {
  if (typeOf(value) !== "object") throw new ConformanceError("BAD_CASE", `${where} is no object`);
  for (const [field, wanted] of Object.entries(shape)) {
    const found = (value as Record<string, unknown>)[field];
    if (typeof wanted === "object") checkShape(found, wanted, `${where}: ${field}`);
    else if (typeOf(found) !== wanted) {
      throw new ConformanceError("BAD_CASE", `${where}: ${field} is ${typeOf(found)}, not ${wanted}`);
    }
  }
};

/**
 * Reads a file of one JSON value a line; empty lines don't count.
 *
 * @param check turns a line's value into a record, or throws what is wrong with it
 * @throws ConformanceError `BAD_CASE` with the line's number
 */
export const parseLines = <T>(text: string, path: string, check: (value: unknown, where: string) => T): T[] =>
  text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const where = `${path}, line ${index + 1}`;
    return [check(parseJson(line, where), where)];
  });

const parseJson = (text: string, where: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConformanceError("BAD_CASE", `${where} is no JSON: ${(error as Error).message}`);
  }
};
