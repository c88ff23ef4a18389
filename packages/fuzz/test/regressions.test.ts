import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Kernel, probeKernel } from "@ebpf/kernel";
import { verify } from "@ebpf/verifier";
import { afterAll, describe, expect, it } from "vitest";
import {
  assertAgreement,
  type CaseJson,
  caseFromJson,
  containment,
  engines,
  logOracle,
  type Oracle,
  resultOracle,
  verdictOracle,
} from "../src/index.js";

/*
 * What the fuzzer found once, made small: each file must never be a finding again. Where this machine's kernel can't be
 * asked, the verdict that it gave once stands in the file.
 */

interface Regression {
  readonly oracle: string;
  readonly what: string;
  /** What Linux 6.18 said of the program. */
  readonly kernel?: "accept" | "reject";
  readonly case: CaseJson;
}

const folder = fileURLToPath(new URL("../regressions", import.meta.url));
const regressions = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => [name, JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as Regression] as const);

const availability = await probeKernel();
const kernel = availability.available ? await Kernel.open() : undefined;
afterAll(() => kernel?.[Symbol.dispose]());

const ORACLES: Readonly<Record<string, Oracle | undefined>> = {
  engines,
  containment,
  verdict: kernel && verdictOracle(kernel),
  log: kernel && logOracle(kernel),
  result: kernel && resultOracle(kernel),
};

describe("what was found once", () => {
  it("is there", () => {
    expect(regressions.length).toBeGreaterThan(0);
    for (const [name, { oracle }] of regressions) expect(Object.keys(ORACLES), name).toContain(oracle);
  });

  it.each(regressions)("%s has the verdict that Linux gave", (_name, { kernel: verdict, case: json }) => {
    if (verdict !== undefined) expect(verify(caseFromJson(json).spec).verdict).toBe(verdict);
  });

  it.for(regressions)("%s is no finding any more", ([, { oracle, case: json }], { skip }) => {
    const check = ORACLES[oracle];
    if (check === undefined) skip(availability.available ? "" : availability.message);
    else {
      const fuzzCase = caseFromJson(json);
      assertAgreement(check(fuzzCase), fuzzCase);
    }
  });
});
