import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ebpf = fileURLToPath(new URL("../..", import.meta.url));

/** A script for Node that imports from `./index.js` of this package, with all that it needs. */
export const bundled = async (contents: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(ebpf, "src") },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    conditions: ["@ebpf/source"],
    nodePaths: [join(ebpf, "node_modules")],
  });
  return outputFiles[0]!.text;
};
