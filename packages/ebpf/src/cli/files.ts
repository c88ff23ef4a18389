import { readFileSync, writeFileSync } from "node:fs";
import { EbpfError } from "@ebpf/core";
import type { Output } from "./output.js";

/** A file that can't be read or written. */
export class FileError extends EbpfError<"UNREADABLE" | "UNWRITABLE"> {
  override readonly name = "FileError";

  constructor(code: "UNREADABLE" | "UNWRITABLE", name: string, cause: unknown) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "";
    super(code, `${name}: ${REASONS[reason] ?? reason}`, { cause });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EISDIR: "this is a folder",
  EACCES: "permission denied",
};

/**
 * The whole content of a file, or of standard input for `-`.
 *
 * @throws FileError `UNREADABLE`
 */
export const readInput = (path: string): Uint8Array => {
  try {
    return new Uint8Array(readFileSync(path === "-" ? 0 : path));
  } catch (error) {
    throw new FileError("UNREADABLE", inputName(path), error);
  }
};

/**
 * Writes a file, or to standard output for `-`.
 *
 * @throws FileError `UNWRITABLE`
 */
export const writeOutput = (path: string, bytes: Uint8Array, output: Output): void => {
  if (path === "-") {
    output.bytes(bytes);
    return;
  }
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw new FileError("UNWRITABLE", path, error);
  }
};

/** What messages call the input. */
export const inputName = (path: string): string => (path === "-" ? "standard input" : path);
