import { readFileSync, writeSync } from "node:fs";
import { EXIT } from "./cli/exit-codes.js";
import { main } from "./cli/main.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Writes all of it now: a pipe may take it in pieces, and may be closed by its reader (`| head`), which is no error. */
const write = (descriptor: 1 | 2, bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") process.exit(EXIT.ok);
      if (code !== "EAGAIN") throw error;
    }
  }
};

const encoder = new TextEncoder();

try {
  process.exitCode = await main(process.argv.slice(2), version, {
    line: (text = "") => write(1, encoder.encode(`${text}\n`)),
    bytes: (bytes) => write(1, bytes),
    note: (text) => write(2, encoder.encode(`${text}\n`)),
    interactive: process.stderr.isTTY === true,
  });
} catch (error) {
  write(2, encoder.encode(`This is a bug of ebpf ${version}, please report it:\n${(error as Error).stack ?? error}\n`));
  process.exitCode = EXIT.internal;
}
