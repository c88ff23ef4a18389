import { linux, type ProgramTypeName } from "@ebpf/platform";
import { type Executable, interpret, Runtime } from "@ebpf/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asm, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";
import recorded from "./checksum-cases.json" with { type: "json" };

const ENGINES = ["interpreter", "optimized"] as const;
type Engine = (typeof ENGINES)[number];

const idOf = (name: string): number => [...linux.helpers.values()].find((helper) => helper.name === name)!.id;
const importsOf = (wasm: unknown): string[] =>
  WebAssembly.Module.imports(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)).map(({ name }) => name);

interface Outcome {
  readonly result: number;
  readonly packet: Uint8Array;
  /** What is left of the program's memory. */
  readonly buffer: string;
}

/** Runs a program of one helper, and tells what it returned and changed. Compiled ones need nothing of their host. */
const run = (engine: Engine, text: string, packet: Uint8Array, type: ProgramTypeName = "sched_cls"): Outcome => {
  const runtime = new Runtime({ memoryPages: 8 });
  const program = programOf(asm(text), { type });
  const executable: Executable =
    engine === "interpreter"
      ? interpret(program, runtime, { checked: false })
      : compile(program, runtime, { checked: false, facts: [] });
  if ("wasm" in executable) expect(importsOf(executable.wasm)).toEqual(["memory"]);
  const { returnValue, packet: after } = runtime.run(executable, { packet });
  const { bytes } = runtime.memory;
  return {
    result: Number(BigInt.asIntN(32, returnValue)),
    packet: after!,
    buffer: bytes.slice(STACK_TOP - BUFFER, STACK_TOP).join(),
  };
};

const STACK_TOP = 0x12000;
const BUFFER = 128;

const packetWith = (old: number, at: number): Uint8Array => {
  const packet = Uint8Array.from({ length: 64 }, (_, i) => 37 * i + 11);
  if (at >= 0 && at + 2 <= packet.length) new DataView(packet.buffer).setUint16(at, old, true);
  return packet;
};

describe.each(ENGINES)("checksum helpers in the %s do what Linux does", (engine) => {
  it.each(recorded.replace)("$helper($offset, $from, $to, $flags) over $old", (row) => {
    const { helper, offset, old, from, to, flags, result, checksum } = row;
    const text = `mov %r2, ${offset}\nlddw %r3, ${from}\nlddw %r4, ${to}\nlddw %r5, ${flags}\ncall helper ${idOf(helper)}\nexit`;
    const inside = offset >= 0 && offset + 2 <= 64;
    const outcome = run(engine, text, packetWith(old, offset));
    expect(outcome.result).toBe(result);
    expect(outcome.packet).toEqual(packetWith(inside ? checksum : old, offset));
  });

  it.each(recorded.difference)("csum_diff of $fromSize and $toSize bytes from $seed", (row) => {
    const { blocks, fromSize, toSize, seed, result } = row;
    const stores = blocks.map((block, index) => `lddw %r1, ${block}\nstxdw [%r10-${32 - 8 * index}], %r1\n`).join("");
    const call = `mov %r2, ${fromSize}\nmov %r4, ${toSize}\nlddw %r5, ${seed}\ncall helper ${idOf("bpf_csum_diff")}\nexit`;
    const text = `${stores}mov %r1, %r10\nadd %r1, -32\nmov %r3, %r10\nadd %r3, -16\n${call}`;
    expect(run(engine, text, packetWith(0, 0)).result).toBe(result);
  });
});

describe("packet helpers as code of the module", () => {
  /** Copies between a packet of up to 200 bytes and the top of the stack, whose bytes are the offset's. */
  const copies = fc.record({
    helper: fc.constantFrom("bpf_skb_load_bytes", "bpf_skb_store_bytes", "bpf_xdp_load_bytes", "bpf_xdp_store_bytes"),
    offset: fc.oneof(fc.nat({ max: 210 }), fc.constantFrom(-1, 0xffff, 0x10000, 0x7fff_ffff)),
    size: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: BUFFER })),
    flags: fc.constantFrom(0, 0, 1, 3, 4, -1),
    packet: fc.uint8Array({ minLength: 14, maxLength: 200 }),
  });

  it("copy the same bytes as the host's", () => {
    fc.assert(
      fc.property(copies, ({ helper, offset, size, flags, packet }) => {
        const fill = Array.from({ length: BUFFER / 8 }, (_, i) => `stdw [%r10-${8 * (i + 1)}], ${offset + i}\n`);
        const call = `mov %r2, ${offset}\nmov %r3, %r10\nadd %r3, -${BUFFER}\nmov %r4, ${size}\nmov %r5, ${flags}`;
        const text = `${fill.join("")}${call}\ncall helper ${idOf(helper)}\nexit`;
        const [expected, actual] = ENGINES.map((engine) => run(engine, text, packet, "xdp"));
        expect(actual).toEqual(expected);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([
    ["bpf_xdp_get_buff_len", 0, 64],
    ["bpf_skb_pull_data", 64, 0],
    ["bpf_skb_pull_data", 65, -12],
    ["bpf_skb_pull_data", -1, -12],
  ] as const)("%s(%i) of 64 bytes is %i", (helper, argument, result) => {
    const text = `mov %r2, ${argument}\ncall helper ${idOf(helper)}\nexit`;
    for (const engine of ENGINES) expect(run(engine, text, packetWith(0, 0)).result).toBe(result);
  });
});
