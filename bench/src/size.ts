import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** A package bundled for a browser: bytes minified, and after gzip. */
export interface BundleSize {
  readonly package: string;
  readonly minified: number;
  readonly gzip: number;
}

const LIBRARIES = ["core", "asm", "btf", "platform", "elf", "verifier", "runtime", "jit"].map(
  (name) => `@ebpf/${name}`,
);

/** Where all packages are found: the umbrella's dependencies, and the umbrella itself among the bench's. */
const FOUND_IN = ["../node_modules", "../../packages/ebpf/node_modules"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

const bundle = async (name: string, folder: string): Promise<BundleSize> => {
  const entry = join(folder, "entry.mjs");
  writeFileSync(entry, `export * from ${JSON.stringify(name)};\n`);
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    nodePaths: FOUND_IN,
    logLevel: "silent",
  });
  const contents = outputFiles[0]!.contents;
  return { package: name, minified: contents.length, gzip: gzipSync(contents).length };
};

/**
 * Bundles every package that has to work in a browser, with all that it imports.
 *
 * @throws esbuild's error when a package needs something that a browser lacks, such as `node:fs`.
 */
export const bundleSizes = async (): Promise<BundleSize[]> => {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-size-"));
  try {
    const sizes: BundleSize[] = [];
    for (const name of [...LIBRARIES, "ebpf"]) sizes.push(await bundle(name, folder));
    return sizes;
  } finally {
    rmSync(folder, { recursive: true });
  }
};
