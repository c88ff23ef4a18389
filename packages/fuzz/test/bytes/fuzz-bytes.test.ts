import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ByteFuzzOptions, ByteFuzzReport } from "../../src/runner.js";

/*
 * Parsers that are bad on purpose: each is fine for most inputs. The fuzzer runs them in threads, which run from the build.
 */
const parserWith = (mistake: string): string => `
  const keep = [];
  const run = (input) => { if (input[0] > 0x7f) { ${mistake} } };
  export default { run, seeds: () => [Uint8Array.of(1, 2, 3)] };
`;

const BUILT = new URL("../../dist/runner.js", import.meta.url);
const missing = existsSync(BUILT) ? "" : " (skipped: not built, see scripts/setup.mjs)";

/** Fuzzes in a process of its own, which knows the build only; inputs come back as arrays of numbers. */
const fuzz = (mistake: string, options: Partial<ByteFuzzOptions>): ByteFuzzReport => {
  const script = `
    const { fuzzBytes } = await import(${JSON.stringify(BUILT.href)});
    const module = new URL("./parser.mjs", import.meta.url).href;
    const report = await fuzzBytes({ target: "asm", seed: 1, module, ...${JSON.stringify(options)} });
    process.stdout.write(JSON.stringify(report, (_, part) => (part instanceof Uint8Array ? [...part] : part)));
  `;
  const folder = mkdtempSync(join(tmpdir(), "ebpf-fuzz-"));
  try {
    const path = join(folder, "fuzz.mjs");
    writeFileSync(path, script);
    writeFileSync(join(folder, "parser.mjs"), parserWith(mistake));
    return JSON.parse(execFileSync(process.execPath, [path], { encoding: "utf8" })) as ByteFuzzReport;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe.skipIf(missing !== "")(`a bad parser is found out${missing}`, () => {
  it.each([
    ["an error without a type", `throw new TypeError("of undefined")`, /^TypeError: of undefined/, 3, 0.2],
    ["a loop without an end", "for (;;);", /it takes too long$/, 8, 0.2],
    ["a heap that grows", "for (;;) keep.push(new Array(1000).fill({}));", /more than 256 MB$/, 8, 3],
    [
      "buffers that grow",
      "const end = performance.now() + 60; keep.push(new Uint8Array(300 << 20)); while (performance.now() < end);",
      /256 MB in buffers$/,
      3,
      0.2,
    ],
  ])("%s", (_, mistake, key, time, caseTime) => {
    const report = fuzz(mistake, { time, caseTime });
    expect(report.runs).toBeGreaterThan(0);
    const finding = report.findings.find((found) => key.test(found.key));
    expect(finding?.input[0]).toBeGreaterThan(0x7f);
  });

  it("and a good one isn't", () => {
    const report = fuzz("keep.length = 0;", { time: 3 });
    expect(report.findings).toEqual([]);
    expect(report.runs).toBeGreaterThan(100);
  });
});
