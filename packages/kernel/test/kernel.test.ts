import { assemble, type Instruction } from "@ebpf/asm";
import type { MapSpec, ProgramSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { Kernel, LOG_LEVEL, probeKernel } from "../src/index.js";

const availability = await probeKernel();
const reason = availability.available ? "" : ` (skipped: ${availability.message})`;

const instructions = (text: string): readonly Instruction[] =>
  assemble(text, { dialect: "kernel" }).sections[0]!.instructions;

const program = (text: string, rest: Partial<ProgramSpec> = {}): ProgramSpec => ({
  name: "test",
  section: "xdp",
  type: "xdp",
  license: "GPL",
  flags: {},
  byteOrder: "little",
  instructions: instructions(text),
  functions: [],
  lines: [],
  maps: new Map(),
  ...rest,
});

const array = (rest: Partial<MapSpec> = {}): MapSpec => ({
  name: "numbers",
  type: "array",
  keySize: 4,
  valueSize: 8,
  maxEntries: 4,
  flags: 0,
  ...rest,
});

const key = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

const PASS = "r0 = 2\nexit";

describe.skipIf(!availability.available)(`the running kernel${reason}`, () => {
  const withKernel = async <T>(work: (kernel: Kernel) => T): Promise<T> => {
    using kernel = await Kernel.open();
    return work(kernel);
  };

  it("accepts a program, says what it cost, and runs it", () =>
    withKernel((kernel) => {
      const { accepted, errno, stats, program: loaded } = kernel.load(program(PASS), { keep: true });
      expect({ accepted, errno }).toEqual({ accepted: true, errno: 0 });
      expect(stats).toMatchObject({ processedInstructions: 2, totalStates: 0 });
      const run = loaded!.testRun({ data: new Uint8Array(14).fill(7), repeat: 3 });
      expect(run.returnValue).toBe(2);
      expect(run.data).toEqual(new Uint8Array(14).fill(7));
    }));

  it("rejects a program with the verifier's words", () =>
    withKernel((kernel) => {
      const result = kernel.load(program("r0 = *(u64 *)(r2 +0)\nexit"));
      expect(result).toMatchObject({ accepted: false, errorName: "EACCES", refusedBy: "verifier" });
      expect(result.log).toContain("R2 !read_ok");
      expect(result.program).toBeUndefined();
    }));

  it("tells a load that never reached the verifier from a verdict", () =>
    withKernel((kernel) => {
      // An XDP program with the attach type of a cgroup hook.
      const result = kernel.load(program(PASS, { type: "cgroup_sock_addr", attachType: "xdp" }));
      expect(result).toMatchObject({ accepted: false, errorName: "EINVAL", refusedBy: "loader", log: "" });
    }));

  it("writes the log that is asked for, in a buffer that grows", () =>
    withKernel((kernel) => {
      const loop = `r1 = 0\nr0 = 0\n${"r0 += 1\n".repeat(20_000)}exit`;
      const full = kernel.load(program(loop), { logLevel: LOG_LEVEL.instructions });
      expect(full.log.length).toBeGreaterThan(1 << 20);
      expect(full.log).toMatch(/^func#0 @0\n/);
      expect(full.logTruncated).toBe(false);
      const short = kernel.load(program(loop), { logLevel: LOG_LEVEL.instructions, maxLogBytes: 1000 });
      expect(short).toMatchObject({ accepted: true, logTruncated: true });
      expect(short.stats?.processedInstructions).toBe(20_003);
      expect(kernel.load(program(loop), { logLevel: 0 })).toMatchObject({ accepted: true, log: "" });
    }));

  it("puts map descriptors where the program has handles, and lets both see the elements", () =>
    withKernel((kernel) => {
      const spec = array();
      const map = kernel.createMap(spec);
      map.update(key(1), Uint8Array.from([42, 0, 0, 0, 0, 0, 0, 0]));
      const text = `*(u32 *)(r10 -4) = 1
        r2 = r10
        r2 += -4
        r1 = map[fd:77]
        call 1
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 +0)
        r2 = r1
        r2 += 1
        *(u64 *)(r0 +0) = r2
        r0 = r1
        exit
        out: r0 = 0
        exit`;
      const maps = new Map([[77, spec]]);
      const loaded = kernel.load(program(text, { maps }), { keep: true, maps: new Map([[spec, map]]) });
      expect(loaded.log, loaded.log).toContain("processed");
      expect(loaded.program!.testRun({ data: new Uint8Array(64) }).returnValue).toBe(42);
      expect(map.lookup(key(1))).toEqual(Uint8Array.from([43, 0, 0, 0, 0, 0, 0, 0]));
      expect([...map.entries()].map(([, value]) => value[0])).toEqual([0, 43, 0, 0]);
      expect(map.lookup(key(4))).toBeUndefined();
    }));
});
