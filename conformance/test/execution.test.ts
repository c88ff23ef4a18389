import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isEbpfError } from "@ebpf/core";
import { linuxRecorder, type ProgramSpec } from "@ebpf/platform";
import { LINUX_HELPERS, type RunInput, Runtime } from "@ebpf/runtime";
import { type Report, verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { ENGINES, type EngineName } from "../src/isa.js";
import { programOf, readBtfs, readRecords } from "../src/kernel-records.js";

/*
 * Programs of Linux's own tests that our verifier accepts: whatever engine runs them, checked or not, they do the same.
 */
const corpora = process.env.EBPF_CORPORA ?? fileURLToPath(new URL("../../../shared/corpora", import.meta.url));
const directory = join(corpora, "kernel-selftests");
const present = existsSync(join(directory, "programs.jsonl.gz"));

/** One program in so many; the rest is for longer runs. */
const STRIDE = 8;
/** Endless-looking loops of `may_goto` take millions of rounds in the interpreter. */
const BUDGET = 1_000_000;

const MODES = (["interpreter", "jit"] satisfies EngineName[]).flatMap((engine) =>
  [true, false].map((checked) => ({ engine, checked })),
);

const newRuntime = (): Runtime => {
  let random = 1;
  return new Runtime({
    platform: linuxRecorder,
    helpers: LINUX_HELPERS,
    memoryPages: 512,
    clock: () => 12345n,
    random: () => (random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0),
  });
};

/** What a run leaves: r0, the packet, and why it ended early if it did. */
const outcomeOf = ({ spec, report }: Accepted, input: RunInput, { engine, checked }: (typeof MODES)[number]) => {
  const runtime = newRuntime();
  const { facts } = report;
  try {
    const program = ENGINES[engine](spec, runtime, { checked, budget: BUDGET, facts });
    const { returnValue, packet } = runtime.run(program, input);
    return { returnValue, packet };
  } catch (error) {
    if (!isEbpfError(error)) throw error;
    return { code: error.code };
  }
};

const inputOf = (spec: ProgramSpec): RunInput => {
  const layout = linuxRecorder.programTypes[spec.type]!.context;
  const takesPackets = layout.fields.some(({ value }) => value === "packet");
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 255);
  return takesPackets ? { packet: bytes } : { context: new Uint8Array(layout.size) };
};

interface Accepted {
  readonly spec: ProgramSpec;
  readonly report: Report;
}

const acceptedPrograms = (): Accepted[] => {
  const btfs = readBtfs(directory);
  return readRecords(directory)
    .filter(({ kernel, btf_need }, index) => index % STRIDE === 0 && kernel.verdict === "accept" && btf_need === "none")
    .map((record) => programOf(record, btfs))
    .map((spec) => ({ spec, report: verify(spec, { platform: linuxRecorder, maxInstructions: 5000 }) }))
    .filter(({ report }) => report.verdict === "accept");
};

/** What a program can't be blamed for: this runtime lacks something, or the loop is longer than the test has time. */
const EXCUSED = new Set(["UNSUPPORTED_MAP", "UNSUPPORTED_HELPER", "BAD_MAP", "BUDGET_EXCEEDED"]);

describe("accepted programs", () => {
  it.skipIf(!present)(`do the same in every engine${present ? "" : ` (needs ${directory})`}`, () => {
    let compared = 0;
    for (const accepted of acceptedPrograms()) {
      const { spec } = accepted;
      const input = inputOf(spec);
      const checked = outcomeOf(accepted, input, MODES[0]!);
      if (checked.code !== undefined && EXCUSED.has(checked.code)) continue;
      // A fault here would be memory that the verifier let the program touch and that is not its own.
      expect({ program: spec.name, code: checked.code }).toEqual({ program: spec.name, code: undefined });
      for (const mode of MODES.slice(1))
        expect({ ...mode, ...outcomeOf(accepted, input, mode) }).toEqual({ ...mode, ...checked });
      compared++;
    }
    expect(compared).toBeGreaterThan(50);
  });
});
