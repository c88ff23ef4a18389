import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FuzzError } from "../errors.js";
import { type CaseJson, caseFromJson } from "../fuzz-case.js";

const parse = (path: string): CaseJson => {
  try {
    const json = JSON.parse(readFileSync(path, "utf8")) as CaseJson;
    caseFromJson(json);
    return json;
  } catch (cause) {
    throw new FuzzError("BAD_CASE", `${path} holds no case: ${String(cause)}`, { cause });
  }
};

/**
 * The cases in the `.json` files of a folder, or in one file.
 *
 * @throws FuzzError `BAD_CASE`
 */
export const readCases = (path: string): readonly CaseJson[] => {
  if (!existsSync(path)) return [];
  if (path.endsWith(".json")) return [parse(path)];
  const names = readdirSync(path).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => parse(join(path, name)));
};

/** Writes a file whose name depends on its content; returns its path. */
const writeContent = (folder: string, content: string | Uint8Array, extension: string): string => {
  mkdirSync(folder, { recursive: true });
  const name = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const path = join(folder, `${name}.${extension}`);
  writeFileSync(path, content);
  return path;
};

/** Writes a case to a folder, under a name that depends on its content; returns the file's path. */
export const writeCase = (folder: string, fuzzCase: CaseJson): string =>
  writeContent(folder, `${JSON.stringify(fuzzCase, undefined, 1)}\n`, "json");

/** The inputs of a byte fuzzer in a folder; none when it isn't there. */
export const readInputs = (folder: string): readonly Uint8Array[] => {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))));
};

/** Writes an input of a byte fuzzer to a folder; returns the file's path. */
export const writeInput = (folder: string, input: Uint8Array): string => writeContent(folder, input, "bin");
