import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the shared corpora, which may be absent. */
export const CORPORA =
  process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../../shared/corpora", import.meta.url));

/** Why a test over this folder of the corpora is skipped; empty when it is there. */
export const missingCorpus = (folder: string): string =>
  existsSync(join(CORPORA, folder)) ? "" : ` (skipped: no ${folder} under EBPF_CORPORA=${CORPORA})`;

/** The sections of one conformance file by name. */
export const readConformanceFile = (path: string): Record<string, string> => {
  const sections: Record<string, string> = {};
  let name = "";
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const header = /^-- (.*)$/.exec(line);
    if (header) {
      name = header[1]!.trim();
      sections[name] = "";
    } else if (name !== "") sections[name] += `${line}\n`;
  }
  return sections;
};

/** Every conformance test of the corpora. */
export const conformanceFiles = (): { readonly file: string; readonly sections: Record<string, string> }[] => {
  const folder = join(CORPORA, "conformance");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".data"))
    .map((file) => ({ file, sections: readConformanceFile(join(folder, file)) }));
};
