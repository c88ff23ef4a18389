import { readFileSync } from "node:fs";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { describe, expect, it } from "vitest";

const bundle = new URL("../dist/index.js", import.meta.url);
const code = readFileSync(bundle, "utf8");

describe("the bundle", () => {
  it("has functions that V8 compiles with the file, and not all of them", () => {
    const functions = code.match(/\bfunction\b/g)!.length;
    const eager = code.match(/=\(function\b/g)!.length;
    expect(eager).toBeGreaterThan(functions / 10);
    expect(eager).toBeLessThan(functions / 2);
  });

  it("has a source map that leads each error code to where it is written", () => {
    const map = new TraceMap(readFileSync(new URL(`${bundle.href}.map`), "utf8"));
    const wrong: string[] = [];
    let seen = 0;
    code.split("\n").forEach((text, index) => {
      for (const { 0: literal, index: column } of text.matchAll(/"[A-Z]+(?:_[A-Z]+)+"/g)) {
        const { source, line, column: at } = originalPositionFor(map, { line: index + 1, column: column! });
        if (source === null) continue;
        const original = map.sourcesContent![map.sources.indexOf(source)]!.split("\n")[line! - 1]!;
        seen++;
        if (!original.startsWith(literal, at)) wrong.push(`${literal}: ${source}:${line}`);
      }
    });
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(300);
  });
});
