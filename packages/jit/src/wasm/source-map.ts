import { Bytes } from "./bytes.js";
import type { LinePlace, Mark } from "./code.js";
import type { CustomSection } from "./module.js";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A source map, revision 3 (ECMA-426). */
export interface SourceMap {
  readonly version: 3;
  readonly names: readonly [];
  readonly sources: readonly string[];
  readonly sourcesContent: readonly string[];
  readonly mappings: string;
}

/**
 * The source map of a module. As is the custom with WebAssembly, the generated text is one line in which the column is
 * the byte offset in the module. Of the sources it holds those lines that are known; all others are empty.
 */
export const sourceMapOf = (marks: readonly Mark[]): SourceMap => {
  const files = new Map<string, LinePlace[]>();
  for (const { place } of marks) {
    const known = files.get(place.file);
    if (known === undefined) files.set(place.file, [place]);
    else known.push(place);
  }
  const sources = [...files.keys()];
  return {
    version: 3,
    names: [],
    sources,
    sourcesContent: [...files.values()].map(textOf),
    mappings: encodeMappings(marks, new Map(sources.map((file, index) => [file, index]))),
  };
};

/** Lines beyond this one are left out of the text: what BTF says of line numbers may be anything. */
const MAX_LINES = 100_000;

const textOf = (places: readonly LinePlace[]): string => {
  const lines: string[] = [];
  for (const { line, text } of places) if (line >= 1 && line <= MAX_LINES) lines[line - 1] = text;
  return Array.from(lines, (text) => text ?? "").join("\n");
};

/** Segments of four numbers, each the difference to that of the segment before: column, source, line, its column. */
const encodeMappings = (marks: readonly Mark[], indices: ReadonlyMap<string, number>): string => {
  const before = [0, 0, 0, 0];
  const segments = marks.map(({ offset, place }) => {
    const numbers = [offset, indices.get(place.file)!, Math.max(0, place.line - 1), Math.max(0, place.column - 1)];
    return numbers
      .map((number, index) => {
        const difference = number - before[index]!;
        before[index] = number;
        return variableLength(difference);
      })
      .join("");
  });
  return segments.join(",");
};

/** Digits of 5 bits, low ones first, each with a bit that says whether more follow; the lowest bit of all is the sign. */
const variableLength = (value: number): string => {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += BASE64[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
};

/** A source map in a URL of its own. */
export const dataUrl = (map: SourceMap): string => {
  const bytes = new TextEncoder().encode(JSON.stringify(map));
  return `data:application/json;base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
};

/** The custom section that tells a debugger where the module's source map is. */
export const sourceMapSection = (url: string): CustomSection => {
  const out = new Bytes(url.length + 5);
  out.text(url);
  return { name: "sourceMappingURL", bytes: out.finish() };
};
