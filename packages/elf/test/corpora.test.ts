import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isEbpfError } from "@ebpf/core";
import { readObject } from "@ebpf/elf";
import type { ObjectSpec } from "@ebpf/platform";
import { describe, expect, test } from "vitest";

const ROOT = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../../shared/corpora", import.meta.url));
const FOLDER = join(ROOT, "objects");
const missing = existsSync(FOLDER) ? "" : ` (skipped: no objects under EBPF_CORPORA=${ROOT})`;

interface Verdict {
  readonly object: string;
  readonly section: string;
  readonly program: string | null;
  readonly kernel_6_18?: { readonly verdict: string; readonly processed_insns?: number };
}

/** An object, or the code of the error that it gave. */
const open = (path: string): ObjectSpec | string => {
  try {
    return readObject(readFileSync(join(FOLDER, path)), { path });
  } catch (error) {
    if (isEbpfError(error)) return error.code;
    throw error;
  }
};

describe.skipIf(missing !== "")(`objects that nobody here made${missing}`, () => {
  const files =
    missing === "" ? readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".o")) : [];
  const objects = new Map(files.map((file) => [file, open(file)]));

  test("open, but for the malformed one", () => {
    const refused = [...objects].filter(([, object]) => typeof object === "string");
    console.log(`${files.length} objects, ${files.length - refused.length} open`);
    expect(refused).toEqual([["invalid/badsymsize.o", "BAD_SECTION"]]);
  });

  test("have every program that the kernel was given", () => {
    const verdicts = readFileSync(join(FOLDER, "verdicts.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Verdict)
      .filter(({ kernel_6_18 }) => kernel_6_18?.verdict === "accept" || kernel_6_18?.verdict === "reject");
    const absent = verdicts.filter(({ object, section, program }) => {
      const spec = objects.get(object) ?? "absent";
      return typeof spec === "string" || !spec.programs.some((p) => p.name === program && p.section === section);
    });
    console.log(`${verdicts.length} programs, ${verdicts.length - absent.length} found`);
    expect(absent).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(0);
  });

  test("only those programs can't be had that nobody else can load either", () => {
    const failures = [...objects].flatMap(([file, object]) =>
      typeof object === "string"
        ? []
        : object.programs.flatMap((p) => ("error" in p ? [`${file} ${p.name} ${p.error.code}`] : [])),
    );
    expect(failures.sort()).toEqual([
      "build/badrelo.o func UNDEFINED_SYMBOL",
      "build/externalfunction.o func UNDEFINED_SYMBOL",
      "build/map_in_map_legacy.o func UNKNOWN_SECTION",
      // These two need the kernel's types.
      "cilium-examples/tcprtt_bpf_bpfel.o tcp_close NO_KERNEL_TYPES",
      "cilium-examples/tcprtt_sockops_bpf_bpfel.o bpf_sockops_cb NO_KERNEL_TYPES",
    ]);
  });
});
