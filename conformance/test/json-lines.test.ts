import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { readRecords } from "../src/kernel-records.js";
import { runObjects } from "../src/objects.js";
import { RECORD } from "./support/record.js";

const root = mkdtempSync(join(tmpdir(), "conformance-"));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
const folder = (files: Record<string, string | Uint8Array>): string => {
  const path = join(root, `${folders++}`);
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
};

describe("folders of recorded programs", () => {
  const records = (...lines: readonly string[]) =>
    readRecords(folder({ "programs.jsonl.gz": gzipSync(lines.join("\n")) }));

  it("are read line by line", () => {
    expect(records(JSON.stringify(RECORD), "", JSON.stringify({ ...RECORD, id: 2 })).map(({ id }) => id)).toEqual([
      1, 2,
    ]);
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["null", "null"],
    ["a missing field", JSON.stringify({ ...RECORD, license: undefined })],
    ["a field of another type", JSON.stringify({ ...RECORD, prog_type: "xdp" })],
    ["no verdict", JSON.stringify({ ...RECORD, kernel: {} })],
    ["half an instruction", JSON.stringify({ ...RECORD, insns: "b70000" })],
    ["no hexadecimal", JSON.stringify({ ...RECORD, insns: "zz".repeat(8) })],
    ["a map without sizes", JSON.stringify({ ...RECORD, maps: [{ fd: 1, name: "m", type: 2 }] })],
  ])("with %s say which line is wrong", (_, line) => {
    expect(() => records(JSON.stringify(RECORD), line)).toThrow(
      expect.objectContaining({ code: "BAD_CASE", message: expect.stringContaining("line 2") }),
    );
  });

  it("that aren't there, or can't be unpacked, are typed errors", () => {
    expect(() => readRecords(join(root, "nowhere"))).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    const damaged = folder({ "programs.jsonl.gz": "not gzip" });
    expect(() => readRecords(damaged)).toThrow(expect.objectContaining({ code: "BAD_CASE" }));
  });
});

describe("folders of object files", () => {
  const run = (files: Record<string, string | Uint8Array>) => runObjects(["--dir", folder(files)], root);

  it("need their verdicts and their files", async () => {
    await expect(run({})).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(run({ "verdicts.jsonl": "{}" })).rejects.toMatchObject({ code: "BAD_CASE" });
    const line = JSON.stringify({ object: "gone.o", section: "xdp", program: "p", kernel_6_18: { verdict: "accept" } });
    await expect(run({ "verdicts.jsonl": line })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("know their options", async () => {
    await expect(runObjects(["--jobs", "0"], root)).rejects.toMatchObject({ code: "USAGE" });
    await expect(runObjects(["--need", "all"], root)).rejects.toMatchObject({ code: "USAGE" });
  });
});
