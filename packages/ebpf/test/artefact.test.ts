import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeBtf } from "@ebpf/btf";
import type { Artifact } from "@ebpf/jit";
import { CONTEXT_BASE, HEAP_BASE, PACKET_BASE } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { type Collection, load, readPcap } from "../src/index.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const example = (name: string): Uint8Array => readFileSync(join(root, "examples", name));

const NOW = 0x1234_5678_9abcn;
const PROCESS = { pid: 11, tgid: 12, uid: 13, gid: 14, comm: "made-up" };

/** An instance of an artifact, in surroundings like those of `load` below. */
class Instance {
  readonly exports: Readonly<Record<string, (...words: number[]) => number>>;
  readonly memory: Uint8Array;

  constructor({ wasm, info }: Artifact) {
    const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
    const long = (low: number, high: number) => () => {
      new DataView(this.memory.buffer).setUint32(info.memory.resultHigh, high, true);
      return low;
    };
    const helper = {
      bpf_ktime_get_ns: long(Number(NOW & 0xffff_ffffn), Number(NOW >> 32n)),
      bpf_get_current_pid_tgid: long(PROCESS.pid, PROCESS.tgid),
      bpf_get_current_uid_gid: long(PROCESS.uid, PROCESS.gid),
      bpf_get_current_comm: (target: number, size: number) => {
        this.memory.fill(0, target, target + size);
        this.memory.set(new TextEncoder().encode(PROCESS.comm), target);
        return 0;
      },
      bpf_skb_load_bytes: (_context: number, offset: number, target: number, size: number) => {
        this.memory.copyWithin(target, PACKET_BASE + offset, PACKET_BASE + offset + size);
        return 0;
      },
    };
    const { exports } = new WebAssembly.Instance(module, { helper });
    this.exports = exports as unknown as Instance["exports"];
    this.memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  }
}

const loaded = (file: string): Collection =>
  load(example(file), { runtime: { clock: () => NOW, process: () => PROCESS } });

const expectSameHeaps = (collection: Collection, { memory }: Instance): void => {
  const { bytes, heapEnd } = collection.runtime.memory;
  expect(Buffer.compare(bytes.subarray(HEAP_BASE, heapEnd), memory.subarray(HEAP_BASE, heapEnd))).toBe(0);
};

describe("an artifact does what the loaded object does, byte for byte", () => {
  it.each([
    ["xdp_firewall", "traffic.pcap"],
    ["flow_sampler", "traffic.pcap"],
    ["socket_filter", "dns.pcap"],
  ])("%s on packets", (file, capture) => {
    const collection = loaded(`${file}.o`);
    const instance = new Instance(collection.artifact());
    const [program] = Object.values(collection.programs);
    for (const { bytes } of readPcap(example(capture))) {
      const { returnValue } = program!.run({ packet: bytes });
      instance.memory.set(bytes, PACKET_BASE);
      expect(instance.exports[`${program!.name}.packet`]!(bytes.length) >>> 0).toBe(returnValue);
    }
    expectSameHeaps(collection, instance);
  });

  it.each(["trace_events", "kprobe_latency"])("%s on contexts", (file) => {
    const collection = loaded(`${file}.o`);
    const instance = new Instance(collection.artifact());
    for (const program of [...Object.values(collection.programs), ...Object.values(collection.programs)]) {
      const context = Uint8Array.from({ length: program.contextSize }, (_, index) => index);
      instance.memory.set(context, CONTEXT_BASE);
      const result = instance.exports[`${program.name}.run`]!(CONTEXT_BASE) >>> 0;
      expect(result).toBe(program.run({ context }).returnValue);
    }
    expectSameHeaps(collection, instance);
  });

  it("begins with what is in the maps, and keeps the types", () => {
    const collection = loaded("xdp_firewall.o");
    collection.map("blocklist").set(0x0100007f, { since_ns: 5n, dropped: 6n });
    const { wasm, info } = collection.artifact();
    const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
    const { exports, memory } = new Instance({ wasm, info });
    const key = exports["blocklist.next"]!(0);
    const blocklist = info.maps.find(({ name }) => name === "blocklist")!;
    const view = new DataView(memory.buffer, key);
    expect([view.getUint32(0, true), view.getBigUint64(blocklist.valueOffset!, true)]).toEqual([0x0100007f, 5n]);
    const [section] = WebAssembly.Module.customSections(module, "ebpf.btf");
    expect(decodeBtf(new Uint8Array(section!)).type(blocklist.valueTypeId!)).toMatchObject({ name: "block" });
  });

  it("is not made of programs that no verifier has seen", () => {
    const collection = load(example("xdp_firewall.o"), { unverified: true });
    expect(() => collection.artifact()).toThrow(expect.objectContaining({ code: "NOT_VERIFIED" }));
  });
});

describe("the example host", () => {
  it("runs an artifact with nothing but Node", () => {
    const folder = mkdtempSync(join(tmpdir(), "ebpf-artefact-"));
    try {
      const path = join(folder, "xdp_firewall.wasm");
      writeFileSync(path, load(example("xdp_firewall.o")).artifact().wasm);
      const host = join(root, "examples/host-node/host.mjs");
      const text = execFileSync(process.execPath, [host, path, join(root, "examples/traffic.pcap")], { cwd: folder });
      // The numbers that the loaded object gives; see examples.test.ts. 1 is XDP_DROP, 2 is XDP_PASS.
      expect(JSON.parse(text.toString())).toEqual({
        verdicts: { 1: 39, 2: 201 },
        blocked: expect.arrayContaining(["203.0.113.66", "198.51.100.200"]),
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
