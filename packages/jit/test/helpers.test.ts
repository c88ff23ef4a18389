import type { Instruction } from "@ebpf/asm";
import type { MapSpec, ProgramTypeName } from "@ebpf/platform";
import {
  type Executable,
  type KeyedMap,
  MAX_TAIL_CALLS,
  type PerfEventArray,
  type QueueMap,
  type RingBufferMap,
  Runtime,
  type RuntimeMap,
} from "@ebpf/runtime";
import { beforeEach, describe, expect, it } from "vitest";
import { asm, bytesOf, mapOf, numberOf, programOf, wide } from "../../runtime/test/support/program.js";
import { ENGINES } from "./support/engines.js";

/** The ones' complement checksum of RFC 1071 over big-endian words, written from its text. */
const checksum = (bytes: Uint8Array): number => {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
};

/** Address of `-size` bytes of the stack in a register. */
const stack = (register: number, offset: number) => `mov %r${register}, %r10\nadd %r${register}, ${offset}\n`;

describe.each(ENGINES)("helpers in the %s", (_engine, load) => {
  const lines: string[] = [];
  const runtime = new Runtime({
    memoryPages: 128,
    cpus: 2,
    cpu: () => 1,
    clock: () => 0x1_0000_0005n,
    random: () => 0xdead_beef,
    process: () => ({ pid: 7, tgid: 9, uid: 1000, gid: 1001, comm: "a-very-long-command" }),
    trace: (line) => lines.push(line),
  });
  beforeEach(() => {
    lines.length = 0;
  });

  const prepare = (
    instructions: readonly Instruction[],
    type: ProgramTypeName = "unspec",
    maps: Readonly<Record<number, RuntimeMap>> = {},
    checked = true,
  ): Executable => {
    const byHandle = new Map(Object.entries(maps).map(([handle, map]) => [Number(handle), map] as const));
    const specs = new Map([...byHandle].map(([handle, { spec }]) => [handle, spec] as const));
    return load(programOf(instructions, { type, maps: specs }), runtime, { checked, maps: byHandle });
  };
  const run = (text: string, maps: Readonly<Record<number, RuntimeMap>> = {}): bigint =>
    runtime.run(prepare(asm(text), "unspec", maps), { memory: new Uint8Array(64) }).returnValue;
  const runPacket = (text: string, packet: Uint8Array, type: ProgramTypeName = "xdp", maps = {}) =>
    runtime.run(prepare(asm(text), type, maps), { packet });
  const create = (spec: Partial<MapSpec> & Pick<MapSpec, "type">): RuntimeMap => runtime.createMap(mapOf(spec));

  describe("maps", () => {
    it("change from the program, and the host sees the same bytes", () => {
      const map = create({ type: "hash" }) as KeyedMap;
      map.update(bytesOf(5, 4), bytesOf(40, 8));
      const count = `stw [%r10-4], 5\n${stack(2, -4)}lddw_map 1, 1\ncall 1\njeq %r0, 0, +4\nldxdw %r1, [%r0]\nadd %r1, 2\nstxdw [%r0], %r1\nmov %r0, 1\nexit`;
      expect(run(count, { 1: map })).toBe(1n);
      expect(numberOf(map.lookup(bytesOf(5, 4)))).toBe(42n);
      const insert = `stw [%r10-4], 6\nstdw [%r10-16], -1\n${stack(2, -4)}${stack(3, -16)}mov %r4, 1\nlddw_map 1, 1\ncall 2\nexit`;
      expect(run(insert, { 1: map })).toBe(0n);
      expect(run(insert, { 1: map })).toBe(BigInt.asUintN(64, -17n));
      expect(numberOf(map.lookup(bytesOf(6, 4)))).toBe(0xffff_ffff_ffff_ffffn);
      expect(run(`stw [%r10-4], 5\n${stack(2, -4)}lddw_map 1, 1\ncall 3\nexit`, { 1: map })).toBe(0n);
      expect(map.lookup(bytesOf(5, 4))).toBeUndefined();
    });

    it("give back what was pushed", () => {
      const map = create({ type: "queue", keySize: 0 }) as QueueMap;
      const push = `stdw [%r10-8], 77\n${stack(2, -8)}mov %r3, 0\nlddw_map 1, 1\ncall 87\nexit`;
      expect(run(push, { 1: map })).toBe(0n);
      expect(numberOf(map.peek())).toBe(77n);
      const pop = `${stack(2, -8)}lddw_map 1, 1\ncall 88\nmov %r6, %r0\nldxdw %r0, [%r10-8]\nadd %r0, %r6\nexit`;
      expect(run(pop, { 1: map })).toBe(77n);
      expect(run(pop, { 1: map })).toBe(BigInt.asUintN(64, -2n));
    });

    it("have a value for each CPU", () => {
      const map = create({ type: "percpu_array" }) as KeyedMap;
      map.updatePerCpu(bytesOf(2, 4), [bytesOf(10, 8), bytesOf(20, 8)]);
      const on = (call: string) =>
        run(`stw [%r10-4], 2\n${stack(2, -4)}lddw_map 1, 1\n${call}\nldxdw %r0, [%r0]\nexit`, { 1: map });
      expect(on("call 1")).toBe(20n);
      expect(on("mov %r3, 0\ncall 195")).toBe(10n);
    });

    it("of maps give the inner map", () => {
      const inner = create({ type: "array" }) as KeyedMap;
      inner.update(bytesOf(3, 4), bytesOf(33, 8));
      const outer = create({ type: "array_of_maps", valueSize: 4 }) as KeyedMap;
      outer.update(bytesOf(1, 4), bytesOf(inner.handle, 4));
      const nested = `stw [%r10-4], 1\n${stack(2, -4)}lddw_map 1, 1\ncall 1\njne %r0, 0, +1\nexit\nmov %r1, %r0\nstw [%r10-4], 3\n${stack(2, -4)}call 1\nldxdw %r0, [%r0]\nexit`;
      const program = prepare(asm(nested), "unspec", { 1: outer });
      expect(runtime.run(program, { memory: new Uint8Array(0) }).returnValue).toBe(33n);
    });

    it("are walked by a callback until it returns 1", () => {
      const map = create({ type: "array" }) as KeyedMap;
      for (let n = 0; n < 8; n++) map.update(bytesOf(n, 4), bytesOf(n * n, 8));
      // The callback adds value and key to the number that its context points to, and ends at key 5.
      const walk = [
        ...asm(`stdw [%r10-8], 0\n${stack(3, -8)}mov %r4, 0`),
        ...wide("lddw_map", 1, 1),
        ...wide("lddw_function", 2, 6),
        ...asm("call 164\nlsh %r0, 32\nldxdw %r1, [%r10-8]\nor %r0, %r1\nexit"),
        ...asm(
          "mov %r0, 0\nldxw %r2, [%r2]\nldxdw %r3, [%r3]\nadd %r3, %r2\nlock add [%r4], %r3\njne %r2, 5, +1\nmov %r0, 1\nexit",
        ),
      ];
      const start = walk.findIndex(({ op }) => op.name === "lddw_function");
      const callback = walk.length - 8;
      walk[start] = { ...walk[start]!, imm: callback - start - 1 };
      const program = prepare(walk, "unspec", { 1: map });
      // 0+1+4+9+16+25 and 0+…+5, in 6 visits.
      expect(runtime.run(program, { memory: new Uint8Array(0) }).returnValue).toBe((6n << 32n) | 70n);
    });
  });

  it("tell of the machine and the process", () => {
    expect(run("call 5\nexit")).toBe(0x1_0000_0005n);
    expect(run("call 7\nexit")).toBe(0xdead_beefn);
    expect(run("call 8\nexit")).toBe(1n);
    expect(run("call 14\nexit")).toBe((9n << 32n) | 7n);
    expect(run("call 15\nexit")).toBe((1001n << 32n) | 1000n);
    const comm = run(`${stack(1, -8)}mov %r2, 8\ncall 16\nldxdw %r0, [%r10-8]\nexit`);
    expect(comm).toBe(numberOf(new TextEncoder().encode("a-very-\0")));
  });

  it.each([
    [0, 0n],
    [5.9, 5n],
    [2 ** 31, 1n << 31n],
    [2 ** 53 - 1, (1n << 53n) - 1n],
  ])("take time as a number: %d", (clock, expected) => {
    const runtime = new Runtime({ memoryPages: 16, clock: () => clock });
    const program = load(programOf(asm("call 5\nexit")), runtime, { checked: true });
    expect(runtime.run(program, { memory: new Uint8Array(1) }).returnValue).toBe(expected);
  });

  it("print", () => {
    const print = (format: string, ...values: bigint[]) => {
      const text = new TextEncoder().encode(`${format}\0`);
      const memory = new Uint8Array(64);
      memory.set(text);
      const words = values.map((value, i) => `lddw %r${3 + i}, 0x${value.toString(16)}`).join("\n");
      return runtime.run(prepare(asm(`${words}\nmov %r2, ${text.length}\ncall 6\nexit`)), { memory }).returnValue;
    };
    expect(print("d %d u %u x %x", 0xffff_ffffn, 0xffff_ffffn, 0xabcn)).toBe(23n);
    expect(print("%lld %llu %llx", 2n ** 64n - 5n, 2n ** 64n - 1n, 2n ** 63n)).toBe(40n);
    expect(print("%% %c|%5d|%-5d|%05d", 65n, 42n, 42n)).toBe(BigInt.asUintN(64, -22n));
    expect(print("[%c] [%5d] [%05d]", 65n, 42n, -42n & 0xffff_ffffn)).toBe(19n);
    expect(print("[%-4d] [%+d] [%X]", 7n, 8n, 0xabn)).toBe(16n);
    // Two, three and four bytes of UTF-8.
    expect(print("é € 𝄞 %d", 1n)).toBe(13n);
    for (const refused of ["%q", "%#x", "%hd", "50%"]) expect(print(refused, 1n)).toBe(BigInt.asUintN(64, -22n));
    expect(lines).toEqual([
      "d -1 u 4294967295 x abc",
      "-5 18446744073709551615 8000000000000000",
      "[A] [   42] [-0042]",
      "[7   ] [+8] [AB]",
      "é € 𝄞 1",
    ]);
  });

  it("read memory that may not be there", () => {
    const read = (id: number, source: string) =>
      run(
        `stdw [%r10-16], 0x4142\nstdw [%r10-8], -1\n${stack(1, -8)}mov %r2, 8\n${source}\ncall ${id}\nldxdw %r6, [%r10-8]\nlsh %r0, 56\nxor %r0, %r6\nexit`,
      );
    expect(read(4, stack(3, -16))).toBe(0x4142n);
    expect(read(113, "mov %r3, 64")).toBe(BigInt.asUintN(64, -14n << 56n));
    expect(read(113, "lddw %r3, 0x8000000000020000")).toBe(BigInt.asUintN(64, -14n << 56n));
    expect(read(115, stack(3, -16))).toBe((3n << 56n) ^ 0xffff_ffff_ff00_4142n);
  });

  describe("events", () => {
    it("go through ring buffers", () => {
      const ring = create({ type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096 }) as RingBufferMap;
      const reserve =
        "mov %r2, 12\nmov %r3, 0\nlddw_map 1, 1\ncall 131\njne %r0, 0, +1\nexit\nmov %r1, %r0\nstdw [%r1], 7\nstw [%r1+8], 8\nmov %r2, 0\n";
      expect(run(`${reserve}call 132\nmov %r0, 1\nexit`, { 1: ring })).toBe(1n);
      expect(run(`${reserve}call 133\nmov %r0, 1\nexit`, { 1: ring })).toBe(1n);
      expect(
        run(`stdw [%r10-8], 9\n${stack(2, -8)}mov %r3, 8\nmov %r4, 0\nlddw_map 1, 1\ncall 130\nexit`, { 1: ring }),
      ).toBe(0n);
      expect(run("mov %r2, 0\nlddw_map 1, 1\ncall 134\nexit", { 1: ring })).toBe(64n);
      expect(run("mov %r2, 1\nlddw_map 1, 1\ncall 134\nexit", { 1: ring })).toBe(4096n);
      expect(ring.drain().map((bytes) => [...bytes])).toEqual([
        [7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0],
        [9, 0, 0, 0, 0, 0, 0, 0],
      ]);
    });

    it("may not be written after they were submitted", () => {
      const ring = create({ type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096 });
      const late =
        "mov %r2, 8\nmov %r3, 0\nlddw_map 1, 1\ncall 131\nmov %r6, %r0\nmov %r1, %r0\nmov %r2, 0\ncall 132\nstdw [%r6], 1\nexit";
      expect(() => run(late, { 1: ring })).toThrow(expect.objectContaining({ code: "MEMORY_FAULT" }));
      expect(() => run(`${stack(1, -8)}mov %r2, 0\ncall 132\nexit`, { 1: ring })).toThrow(
        expect.objectContaining({ code: "BAD_CALL" }),
      );
    });

    it("go through perf buffers, with bytes of the packet behind them", () => {
      const events = create({ type: "perf_event_array", valueSize: 4, maxEntries: 0 }) as PerfEventArray;
      const output = (flags: string) =>
        `stdw [%r10-8], 5\nlddw %r3, ${flags}\n${stack(4, -8)}mov %r5, 8\nlddw_map 2, 1\ncall 25\nexit`;
      const packet = Uint8Array.from({ length: 60 }, (_, i) => i);
      const send = (flags: string) => runPacket(output(flags), packet, "xdp", { 1: events }).returnValue;
      expect(send("0xffffffff")).toBe(0n);
      expect(send("0x3ffffffff")).toBe(0n);
      expect(send("0")).toBe(BigInt.asUintN(64, -95n));
      expect(send("2")).toBe(BigInt.asUintN(64, -7n));
      expect(send("0x3dffffffff")).toBe(BigInt.asUintN(64, -14n));
      expect(events.drain()).toEqual([
        { cpu: 1, data: bytesOf(5, 8) },
        { cpu: 1, data: Uint8Array.from([...bytesOf(5, 8), 0, 1, 2]) },
      ]);
    });
  });

  describe("packets", () => {
    const packet = Uint8Array.from({ length: 60 }, (_, i) => i);

    it.each([0, 1, 65_536])("of %i bytes are given whole", (length) => {
      const size = runPacket("ldxw %r0, [%r1+4]\nldxw %r2, [%r1]\nsub %r0, %r2\nexit", new Uint8Array(length));
      expect(size.returnValue).toBe(BigInt(length));
      expect(size.packet).toHaveLength(length);
    });

    it("of more than 64 KiB are refused", () => {
      expect(() => runPacket("exit", new Uint8Array(65_537))).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
    });

    it("end where they end", () => {
      const at = (offset: number) => () =>
        runPacket(`ldxw %r2, [%r1]\nldxb %r0, [%r2+${offset}]\nexit`, packet).returnValue;
      expect(at(59)()).toBe(59n);
      expect(at(60)).toThrow(expect.objectContaining({ code: "MEMORY_FAULT" }));
    });

    it("grow and shrink at both ends", () => {
      const head = runPacket(
        "mov %r6, %r1\nmov %r2, -4\ncall 44\nldxw %r1, [%r6]\nstw [%r1], 0x04030201\nexit",
        packet,
      );
      expect(head.returnValue).toBe(0n);
      expect([...head.packet!.subarray(0, 6)]).toEqual([1, 2, 3, 4, 0, 1]);
      expect(runPacket("mov %r2, 14\ncall 44\nexit", packet).packet).toEqual(packet.subarray(14));
      expect(runPacket("mov %r2, 47\ncall 44\nexit", packet).returnValue).toBe(BigInt.asUintN(64, -22n));
      const tail = runPacket("mov %r2, 3\ncall 65\nexit", packet);
      expect([...tail.packet!.subarray(58)]).toEqual([58, 59, 0, 0, 0]);
      expect(runPacket("mov %r2, -46\ncall 65\nexit", packet).packet).toHaveLength(14);
      expect(runPacket("mov %r2, -47\ncall 65\nexit", packet).returnValue).toBe(BigInt.asUintN(64, -22n));
    });

    it("carry metadata", () => {
      const meta =
        "mov %r6, %r1\nmov %r2, -8\ncall 54\nldxw %r1, [%r6+8]\nstdw [%r1], 6\nldxw %r0, [%r6]\nsub %r0, %r1\nexit";
      expect(runPacket(meta, packet).returnValue).toBe(8n);
      // Metadata of a length that is no multiple of 4 is refused with EACCES, as by live kernels.
      expect(runPacket("mov %r2, -6\ncall 54\nexit", packet).returnValue).toBe(BigInt.asUintN(64, -13n));
    });

    it("are read and written through helpers", () => {
      const load4 = `mov %r2, 10\n${stack(3, -8)}mov %r4, 4\ncall 26\nldxw %r0, [%r10-8]\nexit`;
      expect(runPacket(load4, packet, "sched_cls").returnValue).toBe(0x0d0c0b0an);
      const store = `stdw [%r10-8], -1\nmov %r2, 2\n${stack(3, -8)}mov %r4, 2\nmov %r5, 0\ncall 9\nexit`;
      expect([...runPacket(store, packet, "sched_cls").packet!.subarray(0, 5)]).toEqual([0, 1, 255, 255, 4]);
      const outside = `mov %r2, 58\n${stack(3, -8)}mov %r4, 4\ncall 26\nexit`;
      expect(runPacket(outside, packet, "sched_cls").returnValue).toBe(BigInt.asUintN(64, -14n));
    });

    it("say who they are in their context", () => {
      const ethernet = Uint8Array.from({ length: 60 }, (_, i) => [0x08, 0x00][i - 12] ?? 0);
      expect(runPacket("ldxw %r0, [%r1+16]\nexit", ethernet, "sched_cls").returnValue).toBe(0x0008n);
      expect(runPacket("ldxw %r0, [%r1]\nexit", ethernet, "sched_cls").returnValue).toBe(60n);
      const program = prepare(asm("ldxw %r0, [%r1+8]\nexit"), "sched_cls");
      expect(runtime.run(program, { packet, fields: { mark: 77 } }).returnValue).toBe(77n);
      expect(() => runtime.run(program, { packet, fields: { nonsense: 1 } })).toThrow(
        expect.objectContaining({ code: "BAD_INPUT" }),
      );
    });

    it("are redirected", () => {
      const xdp = runPacket("mov %r1, 5\nmov %r2, 0\ncall 23\nexit", packet);
      expect([xdp.returnValue, xdp.redirect]).toEqual([4n, { target: 5, flags: 0n }]);
      const tc = runPacket("mov %r1, 6\nmov %r2, 1\ncall 23\nexit", packet, "sched_cls");
      expect([tc.returnValue, tc.redirect]).toEqual([7n, { target: 6, flags: 1n }]);
      const devices = create({ type: "devmap", valueSize: 4, name: "ports" }) as KeyedMap;
      devices.update(bytesOf(3, 4), bytesOf(9, 4));
      const through = (key: number) =>
        runPacket(`mov %r2, ${key}\nmov %r3, 2\nlddw_map 1, 1\ncall 51\nexit`, packet, "xdp", { 1: devices });
      expect([through(3).returnValue, through(3).redirect]).toEqual([4n, { target: 3, flags: 2n, map: "ports" }]);
      expect([through(2).returnValue, through(2).redirect]).toEqual([2n, undefined]);
    });
  });

  describe("checksums", () => {
    const header = Uint8Array.from([0x45, 0, 0, 0x54, 0x12, 0x34, 0x40, 0, 0x40, 1, 0, 0, 192, 168, 0, 1, 10, 0, 0, 7]);
    const sum = checksum(header);
    header[10] = sum >> 8;
    header[11] = sum & 0xff;

    it.each([
      [10, 4, "an address"],
      [10, 2, "a half word"],
      [11, 4, "an address in a transport header"],
      [11, 2, "a half word in a transport header"],
    ])("helper %i keeps the sum right when %i bytes change: %s", (id, size) => {
      const from = size === 4 ? 0x0100a8c0 : 0x0045;
      const to = size === 4 ? 0x090c0b0a : 0x1045;
      const at = size === 4 ? 12 : 0;
      const text = `mov %r6, %r1\nmov %r2, 10\nlddw %r3, ${from}\nlddw %r4, ${to}\nmov %r5, ${size}\ncall ${id}\nexit`;
      const result = runPacket(text, header, "sched_cls");
      expect(result.returnValue).toBe(0n);
      const changed = result.packet!;
      for (let i = 0; i < size; i++) changed[at + i] = (to >>> (8 * i)) & 0xff;
      expect(checksum(changed)).toBe(0);
    });

    it("sums differences of blocks", () => {
      const difference = `stdw [%r10-8], 0x01020304\nstdw [%r10-16], 0x11223344\n${stack(1, -8)}mov %r2, 8\n${stack(3, -16)}mov %r4, 8\nmov %r5, 0\ncall 28\nexit`;
      const fold = (value: number): number => (value > 0xffff ? fold((value & 0xffff) + (value >>> 16)) : value);
      const removed = fold(0x0102 + 0x0304);
      const added = fold(0x1122 + 0x3344);
      expect(run(difference)).toBe(BigInt(fold(added + (~removed & 0xffff))));
      // Three bytes, 04 03 02: an odd one counts as if a zero followed it. Live kernels of 6.18 take any size.
      const odd = `stdw [%r10-8], 0x01020304\n${stack(1, -8)}mov %r2, 3\nmov %r3, 0\nmov %r4, 0\nmov %r5, 0\ncall 28\nexit`;
      expect(run(odd)).toBe(BigInt(~(0x0304 + 0x02) & 0xffff));
    });

    it("leaves a transport checksum of 0 alone when 0 means none", () => {
      const text = "mov %r2, 2\nmov %r3, 1\nmov %r4, 2\nmov %r5, 0x22\ncall 11\nexit";
      expect(runPacket(text, new Uint8Array(20), "sched_cls").packet).toEqual(new Uint8Array(20));
    });
  });

  describe("tail calls", () => {
    const chain = (slots: number) => {
      const programs = create({ type: "prog_array", valueSize: 4, maxEntries: slots }) as KeyedMap;
      return programs;
    };

    it("go to the program, whose result counts", () => {
      const programs = chain(2);
      const target = prepare(asm("ldxw %r0, [%r1+4]\nldxw %r1, [%r1]\nsub %r0, %r1\nexit"), "xdp");
      programs.update(bytesOf(1, 4), bytesOf(runtime.register(target), 4));
      const jump = (index: number) =>
        runPacket(`mov %r3, ${index}\nlddw_map 2, 1\ncall 12\nmov %r0, 99\nexit`, new Uint8Array(33), "xdp", {
          1: programs,
        });
      expect(jump(1).returnValue).toBe(33n);
      expect(jump(0).returnValue).toBe(99n);
      expect(jump(7).returnValue).toBe(99n);
    });

    it("return to the caller of the function that makes them", () => {
      const programs = chain(1);
      programs.update(bytesOf(0, 4), bytesOf(runtime.register(prepare(asm("mov %r0, 5\nmov %r6, 1\nexit"), "xdp")), 4));
      const text =
        "mov %r6, 30\ncall local f\nadd %r0, %r6\nexit\nf: mov %r3, 0\nlddw_map 2, 1\ncall 12\nmov %r0, 99\nexit";
      const instructions = asm(text.replace("call local f", "call local +2").replace("f: ", ""));
      const program = prepare(instructions, "xdp", { 1: programs });
      expect(runtime.run(program, { packet: new Uint8Array(20) }).returnValue).toBe(35n);
    });

    it("end after 33", () => {
      const counts = create({ type: "array", maxEntries: 1 }) as KeyedMap;
      const programs = chain(1);
      const again = [
        ...wide("lddw_map_value", 2, 2, 0),
        ...asm("mov %r3, 1\nlock add [%r2], %r3\nmov %r3, 0\nlddw_map 2, 1\ncall 12\nmov %r0, 99\nexit"),
      ];
      const program = prepare(again, "xdp", { 1: programs, 2: counts });
      programs.update(bytesOf(0, 4), bytesOf(runtime.register(program), 4));
      expect(runtime.run(program, { packet: new Uint8Array(20) }).returnValue).toBe(99n);
      expect(numberOf(counts.lookup(bytesOf(0, 4)))).toBe(BigInt(MAX_TAIL_CALLS + 1));
    });
  });
});
