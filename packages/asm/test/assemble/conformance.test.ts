import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assemble, encode } from "../../src/index.js";
import { CORPORA, conformanceFiles, missingCorpus } from "../corpora.js";

const missing = missingCorpus("conformance");

describe.skipIf(missing !== "")(`the conformance texts${missing}`, () => {
  it("all assemble, to the recorded words where a file has them", () => {
    let assembled = 0;
    let compared = 0;
    for (const { file, sections } of conformanceFiles()) {
      const asm = sections.asm;
      if (asm === undefined) continue;
      const assembly = assemble(asm, { dialect: "ubpf" });
      expect(assembly.sections, file).toHaveLength(1);
      expect(assembly.relocations, file).toEqual([]);
      assembled++;
      const raw = sections.raw?.match(/0x[0-9a-f]{16}/g);
      if (raw === undefined || raw === null) continue;
      const bytes = new Uint8Array(new BigUint64Array(raw.map(BigInt)).buffer);
      expect(encode(assembly.sections[0]!.instructions), file).toEqual(bytes);
      compared++;
    }
    expect(assembled).toBe(313);
    expect(compared).toBeGreaterThan(0);
  });

  it("need the version of the instruction set that the corpus recorded", () => {
    const index = JSON.parse(readFileSync(join(CORPORA, "conformance/index.json"), "utf8")) as {
      test: string;
      cpu_version: string;
    }[];
    const recorded = new Map(index.map((entry) => [entry.test, entry.cpu_version]));
    const differing: string[] = [];
    for (const { file, sections } of conformanceFiles()) {
      const instructions = assemble(sections.asm!, { dialect: "ubpf" }).sections[0]!.instructions;
      const newest = instructions
        .map((slot) => slot.op.cpu)
        .sort()
        .at(-1);
      // The corpus counts every lock and every local call as v3; LLVM has plain atomic adds and local calls since v1.
      const known = /call_local|lock_add/.test(file) && newest === "v1" && recorded.get(file) === "v3";
      if (!known && newest !== recorded.get(file)) differing.push(`${file}: ${newest}, recorded ${recorded.get(file)}`);
    }
    expect(differing).toEqual([]);
  });
});
