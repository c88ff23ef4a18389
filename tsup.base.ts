import { defineConfig } from "tsup";

/**
 * The one build of every package: ESM for Node 20 and browsers; `tsc -b` writes the declarations. With `bundled`, the
 * packages that it builds on are part of it, as far as they are used: one file is found and read faster than nine.
 */
export const library = (entry: string[] = ["src/index.ts"], { bundled = false } = {}) =>
  defineConfig({
    entry,
    format: "esm",
    target: "node20",
    dts: false,
    clean: false,
    sourcemap: true,
    splitting: true,
    treeshake: true,
    // V8 reads through plain functions faster than through arrows when it first sees a module: a quarter of import time.
    esbuildOptions(options) {
      options.supported = { ...options.supported, arrow: false };
      // Fewer and shorter statements, and less white space, take a tenth less again, and short names a twentieth. The packages
      // keep their names, which stack traces show; for the one file that has them all there is its source map.
      options.minifySyntax = true;
      options.minifyWhitespace = true;
      options.minifyIdentifiers = bundled;
      // One character beyond ASCII would have V8 keep the whole source in twice the bytes.
      options.charset = "ascii";
      if (bundled) options.conditions = ["@ebpf/source"];
    },
    // An optional dependency, which tsup wouldn't leave out by itself: it finds its binary beside its own files.
    external: ["koffi"],
    ...(bundled && { noExternal: [/^@ebpf\//] }),
  });
