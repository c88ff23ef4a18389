import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const PACKAGES = fileURLToPath(new URL("../packages", import.meta.url));

const FIELD_WITH_ARROW =
  /^ {2}(?:readonly |override |static )*#?\w+(?:: [^=\n]+)? = (?:async )?\([^)\n]*\)(?:: [^=\n]+)? =>/m;

/** esbuild, told to write arrows as plain functions (`tsup.base.ts`), loses the `this` of those that are fields of a class. */
it("no field of a class is an arrow function", () => {
  expect("  readonly #x = (n: number): number => {").toMatch(FIELD_WITH_ARROW);
  const files = readdirSync(PACKAGES).flatMap((name) => {
    const folder = join(PACKAGES, name, "src");
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file));
  });
  const sources = files.filter((file) => file.endsWith(".ts"));
  expect(sources.length).toBeGreaterThan(100);
  const wrong = sources.filter((file) => {
    const text = readFileSync(file, "utf8");
    const classes = text.split(/^(?:export )?(?:abstract )?class /m).slice(1);
    return classes.some((body) => FIELD_WITH_ARROW.test(body.split(/^}/m)[0]!));
  });
  expect(wrong).toEqual([]);
});
