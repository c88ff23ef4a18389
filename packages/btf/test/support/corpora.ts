import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../../../shared/corpora", import.meta.url));

/** A file of the corpora, and what a skipped test's name says when it isn't there. */
export const corporaFile = (name: string): { readonly path: string; readonly missing: string } => {
  const path = join(ROOT, name);
  return { path, missing: existsSync(path) ? "" : ` (skipped: no ${name} under EBPF_CORPORA=${ROOT})` };
};
