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
    // An optional dependency, which tsup wouldn't leave out by itself: it finds its binary beside its own files.
    external: ["koffi"],
  });
