import type { Instruction } from "@ebpf/asm";
import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { interpret, type KeyedMap, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, mapOf, programOf, wide } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";
import { verifiedFlowFor } from "../support/flow.js";

const CONTENT = Uint8Array.of(...bytesOf(0x1122_3344_5566_7788n, 8), 0xfe, 0, 0, 0, ...bytesOf(7, 4));

/** Sixteen bytes of data; frozen and read-only for programs unless told otherwise. */
const data = (more: Partial<MapSpec> = {}): MapSpec =>
  mapOf({
    type: "array",
    valueSize: CONTENT.length,
    maxEntries: 1,
    flags: MAP_FLAGS.readOnlyProgram,
    frozen: true,
    initial: [{ key: bytesOf(0, 4), value: CONTENT }],
    ...more,
  });

const xdp = (instructions: readonly Instruction[], map: MapSpec) =>
  programOf(instructions, { type: "xdp", maps: new Map([[1, map]]) });

type Spec = ReturnType<typeof xdp>;

/** The same from the interpreter and from compiled code that knows the verifier's facts. */
const resultOf = (spec: Spec): bigint => {
  const { facts } = verify(spec);
  const [expected, compiled] = [
    (runtime: Runtime) => interpret(spec, runtime, { checked: true }),
    (runtime: Runtime) => compile(spec, runtime, { checked: false, facts }),
  ].map((engine) => {
    const runtime = new Runtime({ memoryPages: 16 });
    return runtime.run(engine(runtime), { packet: new Uint8Array(14) }).returnValue;
  });
  expect(compiled).toBe(expected);
  return compiled!;
};

const namesIn = (spec: Spec): string[] =>
  verifiedFlowFor(spec).graph.blocks.flatMap(({ steps }) => steps.map(({ slot }) => slot.op.name));

/** How many opcodes of loads of less than 8 bytes the module has at most. */
const loadsIn = (spec: Spec): number => {
  const { facts } = verify(spec);
  const { wasm } = compile(spec, new Runtime({ memoryPages: 16 }), { checked: false, facts });
  return [...wasm].filter((byte) => [0x2c, 0x2d, 0x2f, 0x28, 0x30, 0x33, 0x31, 0x34, 0x35].includes(byte)).length;
};

describe("data that never changes", () => {
  const decide = (map: MapSpec) =>
    xdp(
      [
        ...wide("lddw_map_value", 1, 1),
        ...asm("ldxw %r2, [%r1+12]\nmov %r0, 1\njne %r2, 7, off\nexit\noff: ldxb %r0, [%r1+8]\nmul %r0, 3\nexit"),
      ],
      map,
    );

  it("decides branches", () => {
    expect(namesIn(decide(data()))).not.toContain("mul64_imm");
    expect(resultOf(decide(data()))).toBe(1n);
  });

  it.each<[string, Partial<MapSpec>]>([
    ["that the host may still write to", { frozen: false }],
    ["that the program may write to", { flags: 0 }],
  ])("is not that of a map %s", (_, more) => {
    expect(namesIn(decide(data(more)))).toContain("mul64_imm");
    expect(resultOf(decide(data(more)))).toBe(1n);
  });

  it("stands in the code", () => {
    const text =
      "ldxw %r0, [%r1+4]\nldxb %r2, [%r1+8]\nadd %r0, %r2\nldxh %r2, [%r1]\nadd %r0, %r2\nldxw %r2, [%r1+12]\nadd %r0, %r2\nexit";
    const load = [...wide("lddw_map_value", 1, 1), ...asm(text)];
    expect(resultOf(xdp(load, data()))).toBe(0x1122_3344n + 0xfen + 0x7788n + 7n);
    expect(loadsIn(xdp(load, data({ frozen: false }))) - loadsIn(xdp(load, data()))).toBeGreaterThanOrEqual(4);
  });

  it("is loaded where its sign or size is too much for a range", () => {
    const text = "ldxdw %r0, [%r1]\nldxsb %r2, [%r1+8]\nadd %r0, %r2\nexit";
    expect(resultOf(xdp([...wide("lddw_map_value", 1, 1), ...asm(text)], data()))).toBe(0x1122_3344_5566_7786n);
  });
});

describe("look-ups that always find something", () => {
  const entries = mapOf({ type: "array", maxEntries: 3 });
  const lookUp = (key: string, map: MapSpec = entries) =>
    xdp(
      asm(
        `${key}\nmov %r2, %r10\nadd %r2, -8\nlddw_map 1, 1\ncall helper 1\njeq %r0, 0, none\nldxdw %r1, [%r0]\nadd %r1, 5\nstxdw [%r0], %r1\nmov %r0, %r1\nexit\nnone: mul %r0, 3\nexit`,
      ),
      map,
    );
  const known = "stw [%r10-8], 2";
  const unknown = "call helper 7\nand %r0, 3\nstxw [%r10-8], %r0";

  it("are not looked at for NULL, and are known addresses", () => {
    const flow = verifiedFlowFor(lookUp(known));
    expect(flow.graph.blocks).toHaveLength(1);
    expect(resultOf(lookUp(known))).toBe(5n);
  });

  it("change the entry that the program means", () => {
    const spec = lookUp(known);
    const runtime = new Runtime({ memoryPages: 16 });
    const map = runtime.createMap(entries) as KeyedMap;
    const { facts } = verify(spec);
    const program = compile(spec, runtime, { checked: false, facts, maps: new Map([[1, map]]) });
    for (let run = 0; run < 3; run++) runtime.run(program, { packet: new Uint8Array(14) });
    expect([0, 1, 2].map((key) => map.lookup(bytesOf(key, 4)))).toEqual([0, 0, 15].map((value) => bytesOf(value, 8)));
  });

  it.each<[string, Spec]>([
    ["the key is only known at run time", lookUp(unknown)],
    ["the key is outside of the array", lookUp("stw [%r10-8], 3")],
    ["entries come and go", lookUp(known, mapOf({ type: "hash" }))],
  ])("are not those where %s", (_, spec) => {
    expect(verify(spec).facts.some((row) => row?.entry !== undefined)).toBe(false);
    expect(namesIn(spec)).toContain("mul64_imm");
  });

  it("are not those whose keys differ between ways", () => {
    const spec = lookUp("ldxw %r3, [%r1+12]\nstw [%r10-8], 1\njeq %r3, 1, go\nstw [%r10-8], 2\ngo:");
    expect(verify(spec).verdict).toBe("accept");
    expect(verify(spec).facts.some((row) => row?.entry !== undefined)).toBe(false);
    expect(resultOf(spec)).toBe(5n);
  });
});
