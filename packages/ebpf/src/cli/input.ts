import { readFileSync } from "node:fs";
import { EbpfError } from "@ebpf/core";

/** A file that can't be read. */
export class InputError extends EbpfError<"UNREADABLE"> {
  constructor(message: string) {
    super("UNREADABLE", message);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "this is a folder",
  EACCES: "permission denied",
};

/**
 * The whole content of a file, or of standard input for `-`.
 *
 * @throws InputError `UNREADABLE`
 */
export const readInput = (path: string): Uint8Array => {
  try {
    return new Uint8Array(readFileSync(path === "-" ? 0 : path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw new InputError(`${path === "-" ? "standard input" : path}: ${REASONS[code] ?? code}`);
  }
};

/** What messages call the input. */
export const inputName = (path: string): string => (path === "-" ? "standard input" : path);
