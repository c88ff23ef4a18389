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

/** Writes a case to a folder, under a name that depends on its content; returns the file's path. */
export const writeCase = (folder: string, fuzzCase: CaseJson): string => {
  mkdirSync(folder, { recursive: true });
  const text = JSON.stringify(fuzzCase, undefined, 1);
  const name = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const path = join(folder, `${name}.json`);
  writeFileSync(path, `${text}\n`);
  return path;
};
