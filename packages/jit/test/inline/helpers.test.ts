import { MAP_FLAGS, type MapTypeName } from "@ebpf/platform";
import { type Executable, interpret, KeyedMap, Runtime, type RuntimeMap } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, mapOf, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";

/*
 * The input is 16 bytes of key, 8 of value, and a byte of flags. Programs return what the helper does; a look-up the
 * value, or -1; pop and peek the value that they got, xor the error.
 */
const LOOKUP =
  "mov %r2, %r1\nlddw_map 1, 1\ncall helper 1\njeq %r0, 0, miss\nldxdw %r0, [%r0]\nexit\nmiss: mov %r0, -1\nexit";
const UPDATE = "mov %r2, %r1\nmov %r3, %r1\nadd %r3, 16\nldxb %r4, [%r1+24]\nlddw_map 1, 1\ncall helper 2\nexit";
const DELETE = "mov %r2, %r1\nlddw_map 1, 1\ncall helper 3\nexit";
const PUSH = "mov %r2, %r1\nadd %r2, 16\nldxb %r3, [%r1+24]\nlddw_map 1, 1\ncall helper 87\nexit";
const taking = (helper: number) =>
  `mov %r2, %r10\nadd %r2, -8\nlddw_map 1, 1\ncall helper ${helper}\nldxdw %r1, [%r10-8]\nxor %r0, %r1\nexit`;
const KEYED = [LOOKUP, UPDATE, DELETE];
const QUEUED = [PUSH, taking(88), taking(89)];

const withMap = (text: string): string => text.replace("lddw_map", "\nlddw_map");

interface Setting {
  readonly type: MapTypeName;
  readonly keySize: number;
  readonly flags?: number;
}

/** One runtime with a map and its programs in one engine. */
class Side {
  readonly runtime = new Runtime({ memoryPages: 16 });
  readonly map: RuntimeMap;
  readonly programs: readonly Executable[];
  readonly wasm: readonly (Uint8Array | undefined)[];

  constructor({ type, keySize, flags = 0 }: Setting, engine: "interpreter" | "optimized") {
    const spec = mapOf({ type, keySize, flags, maxEntries: 4 });
    this.map = this.runtime.createMap(spec);
    const maps = new Map([[1, this.map]]);
    const programs = (keySize === 0 ? QUEUED : KEYED).map((text) => {
      const instructions = asm(withMap(text));
      const program = programOf(instructions, { maps: new Map([[1, spec]]) });
      const facts = instructions.map(() => ({ regions: [], map: 1 }));
      return engine === "interpreter"
        ? interpret(program, this.runtime, { checked: false, maps })
        : compile(program, this.runtime, { checked: false, maps, facts });
    });
    this.programs = programs;
    this.wasm = programs.map((program) => ("wasm" in program ? (program.wasm as Uint8Array) : undefined));
  }

  run(program: number, memory: Uint8Array): bigint {
    return this.runtime.run(this.programs[program]!, { memory }).returnValue;
  }

  /** Every byte of the map and its entries, as the host sees them. */
  bytes(): string {
    const { memory } = this.runtime;
    return memory.copyOut(this.map.handle, memory.heapEnd - this.map.handle).join();
  }
}

const SETTINGS: readonly Setting[] = [
  { type: "array", keySize: 4 },
  { type: "percpu_array", keySize: 4 },
  ...[1, 3, 4, 8, 13, 16].map((keySize): Setting => ({ type: "hash", keySize })),
  { type: "percpu_hash", keySize: 6 },
  { type: "lru_hash", keySize: 8 },
  { type: "lru_percpu_hash", keySize: 5 },
  { type: "queue", keySize: 0 },
  { type: "stack", keySize: 0 },
];

/** Few keys, so that they meet again, and flags: any, noExist, exist, and none that there is. */
const step = fc.record({
  program: fc.nat({ max: 2 }),
  key: fc.nat({ max: 5 }),
  value: fc.nat({ max: 255 }),
  flags: fc.constantFrom(0, 0, 0, 1, 2, 7),
});

const inputOf = ({ key, value, flags }: { key: number; value: number; flags: number }): Uint8Array => {
  const input = new Uint8Array(25);
  input[0] = key;
  input.fill(value, 16, 24);
  input[24] = flags;
  return input;
};

const importsOf = (wasm: Uint8Array | undefined): string[] =>
  WebAssembly.Module.imports(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)).map(({ name }) => name);

describe("map helpers as code of the module", () => {
  it.each(SETTINGS)("$type with keys of $keySize bytes: the same results and the same bytes", (setting) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const [expected, actual] = [new Side(setting, "interpreter"), new Side(setting, "optimized")];
        for (const { program, ...input } of steps) {
          const memory = inputOf(input);
          expect(actual.run(program, memory)).toBe(expected.run(program, memory));
        }
        expect(actual.bytes()).toBe(expected.bytes());
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  it.each(SETTINGS)("$type with keys of $keySize bytes: without the host", (setting) => {
    for (const wasm of new Side(setting, "optimized").wasm) expect(importsOf(wasm)).toEqual(["memory"]);
  });

  it("refuse what programs must not write, and leave maps that they don't know to the host", () => {
    const side = new Side({ type: "hash", keySize: 4, flags: MAP_FLAGS.readOnlyProgram }, "optimized");
    expect(side.wasm.map(importsOf)).toEqual([["memory"], ["host_2", "memory"], ["host_3", "memory"]]);
    expect([1, 2].map((program) => BigInt.asIntN(64, side.run(program, new Uint8Array(25))))).toEqual([-1n, -1n]);
  });

  it("reads what the host wrote, and the host what the program wrote", () => {
    const { map, runtime, programs } = new Side({ type: "hash", keySize: 3 }, "optimized");
    if (!(map instanceof KeyedMap)) throw new TypeError("a hash map has keys");
    map.update(Uint8Array.of(7, 0, 0), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const memory = inputOf({ key: 7, value: 9, flags: 0 });
    expect(runtime.run(programs[0]!, { memory }).returnValue).toBe(0x0807060504030201n);
    expect(runtime.run(programs[1]!, { memory }).returnValue).toBe(0n);
    expect(map.lookup(Uint8Array.of(7, 0, 0))).toEqual(new Uint8Array(8).fill(9));
  });

  it("leaves calls to the host where a helper was replaced", () => {
    const runtime = new Runtime({
      memoryPages: 16,
      helpers: { bpf_get_smp_processor_id: { kind: "function", parameters: [], bind: () => () => 42 } },
    });
    const program = compile(programOf(asm("call helper 8\nexit")), runtime, { checked: false });
    expect(runtime.run(program, { memory: new Uint8Array(0) }).returnValue).toBe(42n);
  });
});
