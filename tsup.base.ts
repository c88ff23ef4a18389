import { defineConfig } from "tsup";

/** The one build of every package: ESM for Node 20 and browsers; `tsc -b` writes the declarations. */
export const library = (entry: string[] = ["src/index.ts"]) =>
  defineConfig({
    entry,
    format: "esm",
    target: "node20",
    dts: false,
    clean: false,
    sourcemap: true,
    splitting: true,
    treeshake: true,
  });
