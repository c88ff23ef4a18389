import { assemble, type Instruction } from "@ebpf/asm";
import { type ProgramTypeName, programSpec } from "@ebpf/platform";
import { HEAP_BASE, interpret, type KeyedMap, PACKET_BASE, Runtime, type RuntimeMap } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { bytesOf, mapOf, wide } from "../../../runtime/test/support/program.js";
import { buildArtifact } from "../../src/index.js";

const asm = (text: string): readonly Instruction[] =>
  assemble(text.replaceAll("; ", "\n"), { dialect: "kernel" }).sections[0]!.instructions;

/** Points an `lddw_function` at the function that begins `following` slots behind the main one's last. */
const withCallback = (main: readonly Instruction[], callback: readonly Instruction[]): Instruction[] => {
  const load = main.findIndex(({ op }) => op.name === "lddw_function");
  const linked = [...main];
  linked[load] = { ...main[load]!, imm: main.length - load - 1 };
  return [...linked, ...callback];
};

type Exports = Readonly<Record<string, (...words: number[]) => number>>;

/** Programs that share maps, in the interpreter and in an artifact made of them. */
class Twins {
  readonly #runtime: Runtime;
  readonly #programs: ReadonlyMap<string, ReturnType<typeof interpret>>;
  readonly #exports: Exports;
  readonly #memory: Uint8Array;

  constructor(
    runtime: Runtime,
    maps: ReadonlyMap<number, RuntimeMap>,
    programs: Readonly<Record<string, readonly Instruction[]>>,
    { type = "xdp", link = () => {} }: { type?: ProgramTypeName; link?: (numbers: readonly number[]) => void } = {},
  ) {
    const specs = new Map([...maps].map(([handle, map]) => [handle, map.spec]));
    const executables = Object.entries(programs).map(([name, instructions]) =>
      interpret({ ...programSpec(type, instructions, { name }), maps: specs }, runtime, { checked: false, maps }),
    );
    link(executables.map((executable) => runtime.register(executable)));
    const parts = executables.map((executable) => ({ executable, facts: [] }));
    const { wasm, info } = buildArtifact(parts, runtime, { maps });
    // Nothing is left for a host to do.
    expect(info.helpers).toEqual([]);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>));
    this.#runtime = runtime;
    this.#programs = new Map(executables.map((executable) => [executable.spec.name, executable]));
    this.#exports = exports as unknown as Exports;
    this.#memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  }

  /** Runs a program in both; they must agree. @returns the low word of r0, signed */
  run(name: string, packet = new Uint8Array(20)): number {
    const { returnValue } = this.#runtime.run(this.#programs.get(name)!, { packet });
    this.#memory.set(packet, PACKET_BASE);
    const result = this.#exports[`${name}.packet`]!(packet.length) | 0;
    expect(result).toBe(Number(BigInt.asIntN(32, returnValue)));
    const { bytes, heapEnd } = this.#runtime.memory;
    expect(Buffer.compare(bytes.subarray(HEAP_BASE, heapEnd), this.#memory.subarray(HEAP_BASE, heapEnd))).toBe(0);
    return result;
  }
}

const makeRuntime = () => new Runtime({ memoryPages: 8 });
const KEY_3 = "*(u32 *)(r10 - 4) = 3; r2 = r10; r2 += -4";

describe("programs of an artifact do what they do in the runtime", () => {
  it("call functions back, whichever program these belong to", () => {
    // Adds 3 · index to the sum on its caller's stack; the second program adds 5 · index and stops at 4.
    const loop = (factor: number, stop: string) =>
      withCallback(
        [
          ...asm("*(u64 *)(r10 - 8) = 0; r1 = 10"),
          ...wide("lddw_function", 2, 0),
          ...asm("r3 = r10; r3 += -8; r4 = 0; call 181; r1 = *(u64 *)(r10 - 8); r0 <<= 16; r0 += r1; exit"),
        ],
        asm(`r3 = *(u64 *)(r2 + 0); r4 = r1; r4 *= ${factor}; r3 += r4; *(u64 *)(r2 + 0) = r3; r0 = 0; ${stop}exit`),
      );
    const programs = { first: loop(3, ""), second: loop(5, "if r1 != 4 goto +1; r0 = 1; ") };
    const twins = new Twins(makeRuntime(), new Map(), programs);
    expect(twins.run("first")).toBe((10 << 16) + 3 * 45);
    expect(twins.run("second")).toBe((5 << 16) + 5 * 10);
  });

  it.each(["array", "hash"] as const)("walk over the entries of a map of type %s", (type) => {
    const runtime = makeRuntime();
    const map = runtime.createMap(mapOf({ type })) as KeyedMap;
    for (let n = 0; n < 8; n++) map.update(bytesOf(n, 4), bytesOf(n * n, 8));
    // Sums up keys and values, and deletes what it has seen, which an array refuses.
    const walk = withCallback(
      [
        ...asm("*(u64 *)(r10 - 8) = 0"),
        ...wide("lddw_map", 1, 1),
        ...wide("lddw_function", 2, 0),
        ...asm("r3 = r10; r3 += -8; r4 = 0; call 164; r1 = *(u64 *)(r10 - 8); r0 <<= 16; r0 += r1; exit"),
      ],
      asm(
        `r5 = *(u64 *)(r4 + 0); r6 = *(u32 *)(r2 + 0); r5 += r6; r6 = *(u64 *)(r3 + 0); r5 += r6;
         *(u64 *)(r4 + 0) = r5; call 3; r0 = 0; exit`,
      ),
    );
    const twins = new Twins(runtime, new Map([[1, map]]), { walk });
    expect(twins.run("walk")).toBe((8 << 16) + 140 + 28);
    expect(twins.run("walk")).toBe(type === "array" ? (8 << 16) + 140 + 28 : 0);
  });

  it("call each other's tails, 33 times at most", () => {
    const runtime = makeRuntime();
    const counts = runtime.createMap(mapOf({ type: "array", name: "counts" }));
    const jumps = runtime.createMap(mapOf({ type: "prog_array", valueSize: 4, maxEntries: 4 })) as KeyedMap;
    const maps = new Map([
      [1, jumps],
      [2, counts],
    ]);
    const jump = (index: number, result: number): Instruction[] => [
      ...wide("lddw_map_value", 2, 2, 0),
      ...asm(`r3 = 1; lock *(u64 *)(r2 + 0) += r3; r3 = ${index}`),
      ...wide("lddw_map", 2, 1),
      ...asm(`call 12; r0 = ${result}; exit`),
    ];
    const programs = {
      again: jump(0, 7),
      over: jump(1, 8),
      nowhere: jump(2, 9),
      beyond: jump(5, 10),
      end: asm("r0 = 77; exit"),
    };
    const twins = new Twins(runtime, maps, programs, {
      link: ([first, , , , last]) => {
        jumps.update(bytesOf(0, 4), bytesOf(first!, 4));
        jumps.update(bytesOf(1, 4), bytesOf(last!, 4));
      },
    });
    expect(twins.run("again")).toBe(7);
    expect(runtime.memory.view.getUint32(counts.valuesAddress, true)).toBe(34);
    expect(twins.run("over")).toBe(77);
    expect(twins.run("nowhere")).toBe(9);
    expect(twins.run("beyond")).toBe(10);
  });

  it("send records, and give them up", () => {
    const runtime = makeRuntime();
    const ring = runtime.createMap(mapOf({ type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096 }));
    const reserve = (end: number): Instruction[] => [
      ...wide("lddw_map", 1, 1),
      ...asm(
        `r2 = 100; r3 = 0; call 131; if r0 == 0 goto +5; *(u64 *)(r0 + 92) = 5; r1 = r0; r2 = 0; call ${end}; r0 = 1`,
      ),
      ...asm("exit"),
    ];
    const output: Instruction[] = [
      ...asm("*(u64 *)(r10 - 8) = 6"),
      ...wide("lddw_map", 1, 1),
      ...asm("r2 = r10; r2 += -8; r3 = 8; r4 = 0; call 130; exit"),
    ];
    const flags: Instruction[] = [
      ...wide("lddw_map", 1, 1),
      ...asm("r2 = r10; r2 += -8; r3 = 8; r4 = 4; call 130; exit"),
    ];
    const programs = { submit: reserve(132), discard: reserve(133), output, flags };
    const twins = new Twins(runtime, new Map([[1, ring]]), programs);
    expect(twins.run("flags")).toBe(-22);
    for (let round = 0; round < 16; round++) {
      expect(twins.run("submit")).toBe(1);
      expect(twins.run("discard")).toBe(1);
      expect(twins.run("output")).toBe(0);
    }
    // 16 · (2 · 112 + 16) of 4096 bytes are used up: two records still fit, then only an output's 16 bytes.
    const last = ["submit", "submit", "submit", "output"].map((name) => twins.run(name));
    expect(last).toEqual([1, 1, 0, 0]);
  });

  it("reach maps in maps", () => {
    const runtime = makeRuntime();
    const inner = runtime.createMap(mapOf({ type: "hash", name: "inner" })) as KeyedMap;
    inner.update(bytesOf(3, 4), bytesOf(33, 8));
    const outer = runtime.createMap(mapOf({ type: "array_of_maps", valueSize: 4 })) as KeyedMap;
    outer.update(bytesOf(3, 4), bytesOf(inner.handle, 4));
    const nested = [
      ...asm(KEY_3),
      ...wide("lddw_map", 1, 1),
      ...asm(`call 1; if r0 != 0 goto +1; exit; r1 = r0; ${KEY_3}; call 1; r0 = *(u64 *)(r0 + 0); exit`),
    ];
    expect(new Twins(runtime, new Map([[1, outer]]), { nested }).run("nested")).toBe(33);
  });

  it.each(["u8", "u16", "u32"])("read %s of packets the old way", (size) => {
    const packet = Uint8Array.from({ length: 40 }, (_, index) => 0x80 + index);
    const offsets = [0, 3, 35, 36, 37, 39, 40, -0x100000, -0x100000 + 23, -0x200000, -0x200000 + 1, -1];
    const programs = Object.fromEntries(
      offsets.map((offset, index) => [
        `at_${index}`,
        asm(`r6 = r1; r7 = ${offset}; r0 = *(${size} *)skb[r7 + 0]; r0 += 1; exit`),
      ]),
    );
    const twins = new Twins(makeRuntime(), new Map(), programs, { type: "socket_filter" });
    const seen = offsets.map((_, index) => twins.run(`at_${index}`, packet));
    // RFC 9669 §5.5 leaves these loads to Linux: network order, and a packet that is too short ends the program with 0.
    expect(seen[1]).toBe({ u8: 0x84, u16: 0x8385, u32: 0x83848587 | 0 }[size]);
    expect(seen[6]).toBe(0);
  });
});
