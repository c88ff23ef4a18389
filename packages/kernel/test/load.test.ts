import { readdirSync } from "node:fs";
import { BtfBuilder } from "@ebpf/btf";
import { MAP_FLAGS } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { Kernel, LOG_LEVEL } from "../src/index.js";
import { available, errorOf, skipped, withKernel } from "./support/kernel.js";
import { array, PASS, program, u32, u64 } from "./support/programs.js";

/** Reads the first 8 bytes of element 0 of the map with handle 77, which is there in an array of one entry. */
const READ_FIRST = `*(u32 *)(r10 -4) = 0
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

const openFiles = (): number => readdirSync("/proc/self/fd").length;

describe.skipIf(!available)(`loading into the running kernel${skipped}`, () => {
  it(
    "accepts a program, says what it cost, and runs it",
    withKernel((kernel) => {
      const { accepted, errno, stats, program: loaded } = kernel.load(program(PASS), { keep: true });
      expect({ accepted, errno }).toEqual({ accepted: true, errno: 0 });
      expect(stats).toMatchObject({ processedInstructions: 2, totalStates: 0 });
      const run = loaded!.testRun({ data: new Uint8Array(14).fill(7), repeat: 3 });
      expect(run.returnValue).toBe(2);
      expect(run.data).toEqual(new Uint8Array(14).fill(7));
    }),
  );

  it(
    "rejects a program with the verifier's words",
    withKernel((kernel) => {
      const result = kernel.load(program("r0 = *(u64 *)(r2 +0)\nexit"));
      expect(result).toMatchObject({ accepted: false, errorName: "EACCES", refusedBy: "verifier" });
      expect(result.log).toContain("R2 !read_ok");
      expect(result.program).toBeUndefined();
    }),
  );

  it(
    "tells a load that never reached the verifier from a verdict",
    withKernel((kernel) => {
      const result = kernel.load(program(PASS, { type: "cgroup_sock_addr", attachType: "xdp" }));
      expect(result).toMatchObject({ accepted: false, errorName: "EINVAL", refusedBy: "loader", log: "" });
    }),
  );

  it(
    "writes the log that is asked for, in a buffer that grows",
    withKernel((kernel) => {
      const short = program("r0 = 0\nr0 += 1\nexit");
      const [first, middle, last] = short.instructions;
      const long = { ...short, instructions: [first!, ...Array.from({ length: 20_000 }, () => middle!), last!] };
      const full = kernel.load(long, { logLevel: LOG_LEVEL.instructions });
      expect(full.log.length).toBeGreaterThan(1 << 20);
      expect(full.log).toMatch(/^func#0 @0\n/);
      expect(full.logTruncated).toBe(false);
      const end = kernel.load(long, { logLevel: LOG_LEVEL.instructions, maxLogBytes: 1000 });
      expect(end).toMatchObject({ accepted: true, logTruncated: true });
      expect(end.stats?.processedInstructions).toBe(20_002);
      expect(kernel.load(long, { logLevel: 0 })).toMatchObject({ accepted: true, log: "" });
    }),
  );

  it(
    "puts map descriptors where the program has handles",
    withKernel((kernel) => {
      const spec = array();
      const map = kernel.createMap(spec);
      map.update(u32(0), u64(42n));
      const { program: loaded } = kernel.load(program(READ_FIRST, { maps: new Map([[77, spec]]) }), {
        keep: true,
        maps: new Map([[spec, map]]),
      });
      expect(loaded!.testRun({ data: new Uint8Array(64) }).returnValue).toBe(42);
      expect(map.lookup(u32(0))).toEqual(u64(43n));
    }),
  );

  it(
    "never takes a handle without a map for a descriptor of ours",
    withKernel((kernel) => {
      const map = kernel.createMap(array());
      const text = READ_FIRST.replace("77", `${map.fd}`);
      expect(kernel.load(program(text))).toMatchObject({ accepted: false, errorName: "EBADF", refusedBy: "verifier" });
    }),
  );

  it(
    "shows the verifier what read-only data holds",
    withKernel((kernel) => {
      const readOnly = { maxEntries: 1, flags: MAP_FLAGS.readOnlyProgram, frozen: true };
      // Only a value of 0 gets by the read of an uninitialised register.
      const text = "r1 = map[fd:5][0]+0\nr1 = *(u64 *)(r1 +0)\nif r1 == 0 goto out\nr0 = r3\nout: r0 = 1\nexit";
      const verdict = (value: bigint): boolean => {
        const spec = array({ ...readOnly, initial: [{ key: u32(0), value: u64(value) }] });
        return kernel.load(program(text, { maps: new Map([[5, spec]]) })).accepted;
      };
      expect([verdict(0n), verdict(1n)]).toEqual([true, false]);
    }),
  );

  it(
    "gives types and source lines along",
    withKernel((kernel) => {
      const types = new BtfBuilder();
      const int = types.add({ kind: "int", name: "int", size: 4, encoding: "signed", bitOffset: 0, bits: 32 });
      const proto = types.add({ kind: "func_proto", returnType: int, parameters: [] });
      const typeId = types.add({ kind: "func", name: "firewall", type: proto, linkage: "global" });
      const spec = program(PASS, {
        functions: [{ pc: 0, name: "firewall", typeId, linkage: "global" }],
        lines: [{ pc: 0, file: "filter.c", text: "return XDP_PASS;", line: 7, column: 3 }],
        btf: types.build(),
      });
      const { log } = kernel.load(spec, { logLevel: LOG_LEVEL.instructions });
      expect(log).toContain("; return XDP_PASS; @ filter.c:7\n");
      // Lines that don't begin with the function are left out, and the rest still loads.
      const late = { ...spec, lines: [{ ...spec.lines[0]!, pc: 1 }] };
      expect(kernel.load(late)).toMatchObject({ accepted: true });
    }),
  );

  it(
    "refuses types with the kernel's reason",
    withKernel((kernel) => {
      const types = new BtfBuilder();
      types.add({ kind: "typedef", name: "not a name", type: 0 });
      expect(errorOf(() => kernel.loadBtf(types.build()))).toMatchObject({
        code: "BTF_LOAD",
        errorName: "EINVAL",
        log: expect.stringContaining("Invalid name"),
      });
    }),
  );

  it(
    "refuses what it can't ask the kernel for",
    withKernel((kernel) => {
      expect(errorOf(() => kernel.load(program(PASS), { maxInstructions: 1 }))?.code).toBe("TOO_LONG");
      expect(errorOf(() => kernel.load(program(PASS, { byteOrder: "big" })))?.code).toBe("UNSUPPORTED");
      for (const logLevel of [-1, 0.5, 16, Number.NaN]) {
        expect(errorOf(() => kernel.load(program(PASS), { logLevel }))?.code).toBe("BAD_OPTION");
      }
      for (const maxLogBytes of [0, 127, 2 ** 30, Number.NaN]) {
        expect(errorOf(() => kernel.load(program(PASS), { maxLogBytes }))?.code).toBe("BAD_OPTION");
      }
    }),
  );

  it("closes what it opened, also when a load fails half-way", async () => {
    const before = openFiles();
    const kernel = await Kernel.open();
    const opened = openFiles();
    const good = array();
    const maps = new Map([
      [77, good],
      [78, array({ name: "impossible", keySize: 3 })],
    ]);
    expect(errorOf(() => kernel.load(program(READ_FIRST, { maps })))?.code).toBe("MAP_CREATE");
    expect(kernel.load(program("exit", { maps: new Map([[77, good]]) })).accepted).toBe(false);
    expect(kernel.load(program(READ_FIRST, { maps: new Map([[77, good]]) })).accepted).toBe(true);
    expect(openFiles()).toBe(opened);
    const { program: kept } = kernel.load(program(READ_FIRST, { maps: new Map([[77, good]]) }), { keep: true });
    expect(openFiles()).toBe(opened + 2);
    kept![Symbol.dispose]();
    kept![Symbol.dispose]();
    expect(openFiles()).toBe(opened);
    kernel.createMap(good);
    kernel[Symbol.dispose]();
    expect(openFiles()).toBe(before);
    expect(errorOf(() => kept!.testRun())?.code).toBe("CLOSED");
    expect(errorOf(() => kernel.createMap(good))?.code).toBe("CLOSED");
  });

  it(
    "runs programs on a context that comes back in place",
    withKernel((kernel) => {
      const text = "r2 = *(u32 *)(r1 +0)\nr2 += 1\n*(u32 *)(r1 +4) = r2\nr0 = 7\nexit";
      const spec = program(text, { type: "syscall", section: "syscall", flags: { sleepable: true } });
      const { program: loaded } = kernel.load(spec, { keep: true });
      const context = Uint8Array.from([41, 0, 0, 0, 0, 0, 0, 0]);
      const run = loaded!.testRun({ context });
      expect(run).toMatchObject({ returnValue: 7, context: Uint8Array.from([41, 0, 0, 0, 42, 0, 0, 0]) });
      expect(context[4]).toBe(0);
      expect(errorOf(() => loaded!.testRun({ data: new Uint8Array(14) }))).toMatchObject({
        code: "TEST_RUN",
        errorName: "EINVAL",
      });
    }),
  );
});
