import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Instruction, instruction, OPERATIONS, type Operation, wideInstruction } from "@ebpf/asm";
import { linux, type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";
import { helper, type RunInput, Runtime } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { ENGINES, type EngineName, runIsaCases } from "../src/isa.js";
import { parseIsaCase } from "../src/isa-case.js";

const project = fileURLToPath(new URL("../..", import.meta.url));
const ownCases = join(project, "conformance/isa");
const corpora = process.env.EBPF_CORPORA ?? join(project, "../shared/corpora");
const upstreamCases = join(corpora, "conformance");
const engines = Object.keys(ENGINES) as EngineName[];

const operation = (name: string): Operation => OPERATIONS.find((op) => op.name === name)!;
const ins = (name: string, operands: Parameters<typeof instruction>[1] = {}) => instruction(operation(name), operands);
const mov = (dst: number, imm: number) => ins("mov64_imm", { dst, imm });
const exit = ins("exit");
const wide = (name: string, dst: number, imm: number, high = 0) => wideInstruction(operation(name), dst, imm, high);

/** A case for operations that need more than registers and memory. `result` is r0, or the code of the fault. */
interface PlatformCase {
  readonly instructions: readonly Instruction[];
  readonly result: bigint | string;
  readonly more?: Partial<Pick<ProgramSpec, "type" | "maps">>;
  readonly input?: RunInput;
}

const map: MapSpec = {
  name: "numbers",
  type: "array",
  keySize: 4,
  valueSize: 16,
  maxEntries: 2,
  flags: 0,
  initial: [{ key: new Uint8Array(4), value: Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0x2a]) }],
};
const maps = new Map([[7, map]]);

const packet = Uint8Array.from([0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
const packetCase = (name: string, result: bigint, length = packet.length): PlatformCase => ({
  instructions: [ins("mov64_reg", { dst: 6, src: 1 }), mov(2, 1), ins(name, packetOperands(name)), exit],
  result,
  more: { type: "socket_filter" },
  input: { packet: packet.subarray(0, length) },
});
/** Every packet load here reads at byte 1: at once, or at r2 + 0. */
const packetOperands = (name: string) => (name.startsWith("ld_ind") ? { src: 2, imm: 0 } : { imm: 1 });

/** Helper 1, a look-up in a map of key r2 → its value's second word. */
const lookUp = [
  ins("stw", { dst: 10, offset: -4, imm: 0 }),
  ins("mov64_reg", { dst: 2, src: 10 }),
  ins("add64_imm", { dst: 2, imm: -4 }),
  ins("call", { imm: 1 }),
  ins("ldxdw", { dst: 0, src: 0, offset: 8 }),
  exit,
];

const PLATFORM_CASES: Readonly<Record<string, PlatformCase>> = {
  addr_space_cast: {
    instructions: [...wide("lddw", 1, -2, 5), ins("addr_space_cast", { dst: 0, src: 1, imm: 1 }), exit],
    result: 0xffff_fffen,
  },
  ld_abs_b: packetCase("ld_abs_b", 0x22n),
  ld_abs_h: packetCase("ld_abs_h", 0x2233n),
  ld_abs_w: packetCase("ld_abs_w", 0x22334455n),
  ld_ind_b: packetCase("ld_ind_b", 0x22n),
  ld_ind_h: packetCase("ld_ind_h", 0x2233n),
  ld_ind_w: packetCase("ld_ind_w", 0x22334455n),
  gotox: { instructions: [mov(1, 4), ins("gotox", { dst: 1 }), mov(0, 1), exit, mov(0, 2), exit], result: 2n },
  call_kfunc: { instructions: [mov(1, 20), mov(2, -1), ins("call_kfunc", { imm: 99 }), exit], result: 19n },
  callx: {
    instructions: [mov(3, 8), ins("callx", { dst: 3 }), ins("add64_imm", { dst: 0, imm: 5 }), exit],
    result: 6n,
  },
  lddw_map: { instructions: [...wide("lddw_map", 1, 7), ...lookUp], result: 42n, more: { maps } },
  lddw_map_index: { instructions: [...wide("lddw_map_index", 1, 0), ...lookUp], result: 42n, more: { maps } },
  lddw_map_value: {
    instructions: [...wide("lddw_map_value", 1, 7, 8), ins("ldxdw", { dst: 0, src: 1 }), exit],
    result: 42n,
    more: { maps },
  },
  lddw_map_index_value: {
    instructions: [...wide("lddw_map_index_value", 1, 0, 8), ins("ldxdw", { dst: 0, src: 1 }), exit],
    result: 42n,
    more: { maps },
  },
  lddw_ksym: { instructions: [...wide("lddw_ksym", 1, 7), exit], result: "UNSUPPORTED_INSTRUCTION" },
  lddw_function: {
    // Calls the function at pc 10 twice, which counts up the number that its second argument points to.
    instructions: [
      ins("stdw", { dst: 10, offset: -8, imm: 5 }),
      mov(1, 2),
      ...wide("lddw_function", 2, 7),
      ins("mov64_reg", { dst: 3, src: 10 }),
      ins("add64_imm", { dst: 3, imm: -8 }),
      mov(4, 0),
      ins("call", { imm: 181 }),
      ins("ldxdw", { dst: 0, src: 10, offset: -8 }),
      exit,
      mov(1, 1),
      ins("atomic_add64", { dst: 2, src: 1 }),
      mov(0, 0),
      exit,
    ],
    result: 7n,
  },
};

/** A runtime of Linux with one kernel function: the sum of its arguments, 64 bits. On its CPU 1 of 2. */
const linuxRuntime = (): Runtime =>
  new Runtime({
    platform: linux,
    memoryPages: 16,
    cpus: 2,
    cpu: () => 1,
    kfuncs: new Map([
      [
        99,
        {
          returnClass: "full64",
          implementation: helper(["long", "long"], ({ runtime }) => (aLow, aHigh, bLow, bHigh) => {
            const sum = (BigInt(aHigh) << 32n) + BigInt(aLow >>> 0) + (BigInt(bHigh) << 32n) + BigInt(bLow >>> 0);
            return runtime.returnLong(Number(BigInt.asIntN(32, sum)), Number(BigInt.asIntN(32, sum >> 32n)));
          }),
        },
      ],
    ]),
  });

const runPlatformCase = (engine: EngineName, checked: boolean, test: PlatformCase): bigint | string => {
  const runtime = linuxRuntime();
  const spec = programSpec("unspec", test.instructions, test.more);
  const program = ENGINES[engine](spec, runtime, { checked });
  try {
    return runtime.run(program, test.input ?? { memory: new Uint8Array(0) }).returnValue;
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
};

const failures = (folder: string) => runIsaCases(folder, engines).filter(({ problem }) => problem !== undefined);

describe("instruction-set conformance", () => {
  it("passes the project's own cases in both engines", () => {
    expect(failures(ownCases)).toEqual([]);
  });

  it.skipIf(!existsSync(upstreamCases))("passes the upstream cases in both engines (needs the corpora)", () => {
    expect(readdirSync(upstreamCases).filter((file) => file.endsWith(".data")).length).toBe(313);
    expect(failures(upstreamCases)).toEqual([]);
  });

  describe.each(engines)("what needs a platform, in the %s", (engine) => {
    it.each(Object.entries(PLATFORM_CASES))("%s", (_name, test) => {
      expect(runPlatformCase(engine, true, test)).toBe(test.result);
      expect(runPlatformCase(engine, false, test)).toBe(test.result);
    });

    it("a packet load behind the packet ends the function with 0", () => {
      const short = packetCase("ld_abs_w", 0n, 4);
      const instructions = [mov(0, 9), ...short.instructions.slice(0, -1), mov(0, 1), exit];
      expect(runPlatformCase(engine, true, { ...short, instructions })).toBe(0n);
    });
  });

  it("executes every operation of the table in both engines", () => {
    const own = readdirSync(ownCases)
      .filter((file) => file.endsWith(".data"))
      .flatMap((file) => parseIsaCase(file, readFileSync(join(ownCases, file), "utf8")).instructions);
    const platform = Object.values(PLATFORM_CASES).flatMap(({ instructions }) => instructions);
    const executed = new Set([...own, ...platform].map(({ op }) => op.name));
    expect(OPERATIONS.filter(({ name }) => !executed.has(name)).map(({ name }) => name)).toEqual([]);
  });
});
