import { decode, encode } from "@ebpf/asm";
import { verify } from "@ebpf/verifier";
import fc from "fast-check";
import { expect, it } from "vitest";
import { encounters } from "../../src/index.js";

const SAMPLE = fc.sample(encounters(), { seed: 1, numRuns: 400 });

it("encounters are programs whose slots mean what their bytes say", () => {
  for (const { spec } of SAMPLE) expect(decode(encode(spec.instructions))).toEqual(spec.instructions);
});

it("encounters get far, and are refused for many reasons", () => {
  const reports = SAMPLE.map(({ spec }) => verify(spec));
  const accepted = reports.filter(({ verdict }) => verdict === "accept");
  expect(accepted.length).toBeGreaterThan(SAMPLE.length / 10);
  const codes = new Set(reports.map(({ rejection }) => rejection?.code));
  expect(codes.size).toBeGreaterThan(14);
  const walked = reports.map(({ statistics }) => statistics.processedInstructions).sort((a, b) => a - b);
  expect(walked[SAMPLE.length >> 1]).toBeGreaterThan(15);
});
