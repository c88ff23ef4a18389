import type { MapTypeName } from "@ebpf/platform";
import { type Executable, interpret, type KeyedMap, Runtime } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, mapOf, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";

/*
 * The input is 16 bytes of key and 8 of value. Programs return what the helper does, and a look-up the value, or -1.
 */
const LOOKUP =
  "mov %r2, %r1\nlddw_map 1, 1\ncall helper 1\njeq %r0, 0, miss\nldxdw %r0, [%r0]\nexit\nmiss: mov %r0, -1\nexit";
const UPDATE = "mov %r2, %r1\nmov %r3, %r1\nadd %r3, 16\nldxb %r4, [%r1+24]\nlddw_map 1, 1\ncall helper 2\nexit";

const withMap = (text: string): string => text.replace("lddw_map", "\nlddw_map");

interface Setting {
  readonly type: MapTypeName;
  readonly keySize: number;
}

/** One runtime with a map and both programs in one engine. */
class Side {
  readonly runtime = new Runtime({ memoryPages: 16 });
  readonly map: KeyedMap;
  readonly programs: readonly Executable[];
  readonly wasm: readonly (Uint8Array | undefined)[];

  constructor({ type, keySize }: Setting, engine: "interpreter" | "optimized") {
    const spec = mapOf({ type, keySize, maxEntries: 4 });
    this.map = this.runtime.createMap(spec) as KeyedMap;
    const maps = new Map([[1, this.map]]);
    const programs = [LOOKUP, UPDATE].map((text) => {
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

  run(update: boolean, memory: Uint8Array): bigint {
    return this.runtime.run(this.programs[update ? 1 : 0]!, { memory }).returnValue;
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
];

/** Few keys, so that they meet again, and flags: any, noExist, exist, and none that there is. */
const step = fc.record({
  update: fc.boolean(),
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
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const [expected, actual] = [new Side(setting, "interpreter"), new Side(setting, "optimized")];
        for (const { update, ...input } of steps) {
          const memory = inputOf(input);
          expect(actual.run(update, memory)).toBe(expected.run(update, memory));
        }
        expect(actual.bytes()).toBe(expected.bytes());
      }),
      { seed: 1, numRuns: 12 },
    );
  });

  it("looks up without the host, and updates over what is there", () => {
    for (const type of ["array", "percpu_array", "hash", "percpu_hash"] as const) {
      expect(importsOf(new Side({ type, keySize: 4 }, "optimized").wasm[0])).toEqual(["memory"]);
    }
    // The host is asked when an entry is new.
    expect(importsOf(new Side({ type: "hash", keySize: 4 }, "optimized").wasm[1])).toEqual(["helper_2", "memory"]);
    expect(importsOf(new Side({ type: "lru_hash", keySize: 4 }, "optimized").wasm[0])).toEqual(["helper_1", "memory"]);
  });

  it("reads what the host wrote, and the host what the program wrote", () => {
    const { map, runtime, programs } = new Side({ type: "hash", keySize: 3 }, "optimized");
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
