import { CONTEXT_BASE, type KeyedMap, packPackets, Runtime, RuntimeError } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, mapOf, programOf } from "../../runtime/test/support/program.js";
import { compile } from "../src/index.js";
import { ENGINES } from "./support/engines.js";

/** Returns the packet's length, its first byte, and a mark in the stack that only an uncleared one keeps. */
const PROGRAM = `
  ldxw %r2, [%r1]
  ldxw %r3, [%r1+4]
  mov %r0, %r3
  sub %r0, %r2
  lsh %r0, 8
  ldxb %r2, [%r2]
  or %r0, %r2
  ldxb %r4, [%r10-1]
  lsh %r4, 31
  or %r0, %r4
  stb [%r10-1], 1
  exit`;

describe.each(ENGINES)("a bound program in the %s", (_name, load) => {
  const packets = [64, 1500, 14].map((length, index) => new Uint8Array(length).fill(index + 1));

  const bind = (clearStack?: boolean) => {
    const runtime = new Runtime({ memoryPages: 16 });
    const program = load(programOf(asm(PROGRAM), { type: "xdp" }), runtime, { checked: false });
    return { runtime, program, bound: runtime.bind(program, clearStack === undefined ? {} : { clearStack }) };
  };

  it("does for each packet what a run by itself does", () => {
    const { runtime, program, bound } = bind();
    const results = new Uint32Array(3);
    bound.runPackets(packets, results);
    expect([...results]).toEqual([0x4001, 0x5dc02, 0xe03]);
    packets.forEach((packet, index) => {
      expect(runtime.run(program, { packet }).returnValue).toBe(BigInt(results[index]!));
    });
  });

  it("gives r0 as a signed word", () => {
    const runtime = new Runtime({ memoryPages: 16 });
    const program = load(programOf(asm("mov %r0, -2\nexit")), runtime, { checked: false });
    for (const clearStack of [true, false]) expect(runtime.bind(program, { clearStack }).run(0)).toBe(-2);
  });

  it.each([true, false])(
    "begins each run with all of its budget and its tail calls (stack cleared: %s)",
    (clearStack) => {
      const runtime = new Runtime({ memoryPages: 16 });
      const spec = mapOf({ type: "prog_array", valueSize: 4, maxEntries: 1 });
      const map = runtime.createMap(spec) as KeyedMap;
      const maps = new Map([[1, map]]);
      const counted = load(programOf(asm("mov %r0, 7\nmov %r1, 3\nsub %r1, 1\njne %r1, 0, -2\nexit")), runtime, {
        checked: true,
      });
      map.initialize(new Uint8Array(4), bytesOf(runtime.register(counted), 4));
      const text = "lddw_map 2, 1\nmov %r3, 0\ncall 12\nmov %r0, 1\nexit";
      const options = { checked: false, maps, budget: 100 };
      const first = load(programOf(asm(text), { maps: new Map([[1, spec]]) }), runtime, options);
      const bound = runtime.bind(first, { clearStack });
      for (let run = 0; run < 40; run++) expect(bound.run(0)).toBe(7);
    },
  );

  it("leaves the stack as it is when it is told to", () => {
    const { bound } = bind(false);
    const results = new Uint32Array(2);
    bound.runPackets(packets.slice(0, 2), results);
    expect([...results]).toEqual([0x4001, 0x8005dc02]);
  });

  describe("on packets that lie in one buffer", () => {
    /** So many, and so long, that they are copied in several groups; some are empty or fill a buffer alone. */
    const many = Array.from({ length: 7000 }, (_, index) => {
      const length = index % 1000 === 5 ? 0x10000 : index % 7 === 0 ? 0 : (index * 37) % 1515;
      return new Uint8Array(length).fill(index);
    });
    /** Returns length and first byte, and leaves a mark in the packet where it was. */
    const MARKS = `
      mov %r0, 0
      ldxw %r2, [%r1]
      ldxw %r3, [%r1+4]
      mov %r4, %r2
      add %r4, 1
      jgt %r4, %r3, +2
      ldxb %r0, [%r2]
      stb [%r2], 0xff
      sub %r3, %r2
      lsh %r3, 8
      or %r0, %r3
      exit`;
    const expected = many.map(({ length, 0: first = 0 }) => (length << 8) | first);

    it.each([true, false])(
      "does what it does on packets that have buffers of their own (stack cleared: %s)",
      (clearStack) => {
        const runtime = new Runtime({ memoryPages: 16 });
        const bound = runtime.bind(load(programOf(asm(MARKS), { type: "xdp" }), runtime, { checked: false }), {
          clearStack,
        });
        const batch = packPackets(many);
        for (const packets of [many, batch, batch]) {
          const results = new Uint32Array(many.length);
          bound.runPackets(packets, results);
          expect([...results]).toEqual(expected);
        }
      },
    );

    it("takes none, and as many empty ones as there are", () => {
      const { bound } = bind(false);
      bound.runPackets(packPackets([]), new Uint32Array());
      const { runtime, program } = bind(false);
      const empty = new Array<Uint8Array>(10_000).fill(new Uint8Array());
      const results = new Uint32Array(empty.length);
      runtime.bind(program, { clearStack: false }).runPackets(packPackets(empty), results);
      expect(new Set(results.subarray(1))).toEqual(new Set([results[1]]));
    });

    it("refuses those that are too long, and too few results", () => {
      expect(() => packPackets([new Uint8Array(70_000)])).toThrow(/room for 65536/);
      expect(() => bind().bound.runPackets(packPackets(packets), new Uint32Array(2))).toThrow(RuntimeError);
    });
  });

  // Kernel: each packet has a headroom of its own.
  it.each(["call 44", "lddw_map 2, 1\nmov %r3, 0\ncall 12"])("clears the headroom for a program with %s", (call) => {
    const runtime = new Runtime({ memoryPages: 16 });
    const spec = mapOf({ type: "prog_array", valueSize: 4, maxEntries: 1 });
    const map = runtime.createMap(spec) as KeyedMap;
    // Moves the start back by 8 bytes, returns what is there and leaves a mark.
    const moves = "mov %r6, %r1\nmov %r2, -8\ncall 44\nldxw %r2, [%r6]\nldxb %r0, [%r2]\nstb [%r2], 1\nexit";
    const mover = load(programOf(asm(moves), { type: "xdp" }), runtime, { checked: false });
    map.initialize(new Uint8Array(4), bytesOf(runtime.register(mover), 4));
    const text = call === "call 44" ? moves : `${call}\nmov %r0, 9\nexit`;
    const options = { checked: false, maps: new Map([[1, map]]) };
    const program = load(programOf(asm(text), { type: "xdp", maps: new Map([[1, spec]]) }), runtime, options);
    for (const given of [packets, packPackets(packets)]) {
      const results = new Uint32Array(3).fill(7);
      runtime.bind(program, { clearStack: false }).runPackets(given, results);
      expect([...results]).toEqual([0, 0, 0]);
    }
  });

  it("refuses too few results, and packets that are too long", () => {
    const { bound } = bind();
    expect(() => bound.runPackets(packets, new Uint32Array(2))).toThrow(RuntimeError);
    expect(() => bound.runPackets([packets[0]!, new Uint8Array(70_000)], new Uint32Array(2))).toThrow(/room for 65536/);
  });

  // The interface of each type is in the kernel's uapi header: where `data` … `data_meta` and `len`, `protocol`, `wire_len` lie.
  it.each([
    ["xdp", "ldxw %r2, [%r1]\nldxw %r3, [%r1+4]\nldxw %r4, [%r1+8]\nsub %r3, %r2\nsub %r2, %r4\nldxw %r0, [%r1+16]", 0],
    ["socket_filter", "mov %r2, 0\nldxw %r3, [%r1]\nldxw %r0, [%r1+16]", 0xdd86],
    ["sched_cls", "ldxw %r2, [%r1+76]\nldxw %r3, [%r1+80]\nsub %r3, %r2\nmov %r2, 0\nldxw %r0, [%r1+16]", 0xdd86],
    ["sched_cls", "mov %r2, 0\nldxw %r3, [%r1+160]\nldxw %r0, [%r1+16]", 0xdd86],
  ] as const)("gives each packet a fresh context of type %s", (type, readDescription, protocol) => {
    const runtime = new Runtime({ memoryPages: 16 });
    // Returns protocol + length + what it found in a word of the context where it leaves a mark.
    const text = `${readDescription}
      add %r0, %r2
      add %r0, %r3
      ldxw %r5, [%r1+20]
      add %r0, %r5
      stw [%r1+20], 9
      exit`;
    const program = load(programOf(asm(text), { type }), runtime, { checked: false });
    const ipv6 = [60, 1500].map((length) => {
      const packet = new Uint8Array(length);
      packet.set([0x86, 0xdd], 12);
      return packet;
    });
    const results = new Uint32Array(3);
    runtime.bind(program, { clearStack: false }).runPackets([...ipv6, new Uint8Array(13).fill(7)], results);
    expect([...results]).toEqual([protocol + 60, protocol + 1500, 13]);
  });
});

/** The middle of what the heap grew by in a few attempts: one alone may be of V8's own compilation, or hold a collection. */
const growth = (work: () => void): number => {
  const attempts = Array.from({ length: 7 }, () => {
    const before = process.memoryUsage().heapUsed;
    work();
    return process.memoryUsage().heapUsed - before;
  });
  return attempts.toSorted((a, b) => a - b)[3]!;
};

describe("a bound program in the jit", () => {
  const RUNS = 100_000;
  const runtime = new Runtime({ memoryPages: 16 });
  const program = compile(programOf(asm(PROGRAM), { type: "xdp" }), runtime, { checked: false });
  const bound = runtime.bind(program, { clearStack: false });
  const packet = new Uint8Array(64);

  it("allocates nothing for a run", () => {
    const packets = new Array<Uint8Array>(RUNS).fill(packet);
    const results = new Uint32Array(RUNS);
    bound.runPackets(packets, results);
    // The least that V8 allocates is 16 bytes.
    expect(growth(() => bound.runPackets(packets, results))).toBeLessThan(RUNS);
    const batch = packPackets(packets);
    bound.runPackets(batch, results);
    expect(growth(() => bound.runPackets(batch, results))).toBeLessThan(RUNS);
    const runMany = () => {
      for (let run = 0; run < RUNS; run++) results[run] = bound.run(CONTEXT_BASE);
    };
    runMany();
    expect(growth(runMany)).toBeLessThan(RUNS);
  });

  it("would be seen to allocate", () => {
    const kept = new Array<bigint>(RUNS).fill(0n);
    const runMany = () => {
      for (let run = 0; run < RUNS; run++) kept[run] = BigInt.asUintN(64, BigInt(bound.run(CONTEXT_BASE)));
    };
    expect(growth(runMany)).toBeGreaterThan(RUNS);
  });
});
