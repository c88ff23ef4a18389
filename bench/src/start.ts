import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./statistics.js";

const PROBE = `
const begin = performance.now();
await import("ebpf");
console.log(performance.now() - begin);
`;

/** Milliseconds that \`import "ebpf"\` takes, each in a fresh process. */
export const importTimes = (rounds: number): number[] =>
  Array.from({ length: rounds }, () =>
    Number(
      execFileSync(process.execPath, ["--input-type=module", "-e", PROBE], {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        encoding: "utf8",
      }),
    ),
  );

/** The median import time in milliseconds. */
export const importTime = (rounds = 11): number => median(importTimes(rounds));
