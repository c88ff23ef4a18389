import { existsSync, readFileSync } from "node:fs";
import { BtfBuilder, decodeBtf } from "@ebpf/btf";
import { MAP_FLAGS, type MapSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import type { Kernel, KernelMap } from "../src/index.js";
import { available, errorOf, skipped, withKernel } from "./support/kernel.js";
import { array, PASS, program, u32, u64 } from "./support/programs.js";

const NO_KEY = new Uint8Array();

const KERNEL_BTF = "/sys/kernel/btf/vmlinux";

/** How an object would describe its structure of this kind, without programs. */
const structOpsMap = (struct: string): MapSpec | undefined => {
  if (!existsSync(KERNEL_BTF)) return undefined;
  const btf = decodeBtf(readFileSync(KERNEL_BTF));
  const [typeId, valueTypeId] = [struct, `bpf_struct_ops_${struct}`].map((name) => btf.findByName(name, "struct"));
  if (typeId === undefined || valueTypeId === undefined) return undefined;
  const data = btf.fields(valueTypeId).find(({ name }) => name === "data")!;
  const kernel = { typeId, valueTypeId, valueSize: btf.sizeOf(valueTypeId), dataOffset: data.bitOffset / 8 };
  const own = new BtfBuilder();
  own.struct(struct, { data: own.int("long", 8, "signed") });
  const structOps = { struct, typeId: 2, programs: new Map(), kernel };
  const content = { key: u32(0), value: new Uint8Array(8) };
  return {
    name: "ops",
    btf: { btf: own.build(), valueTypeId: 2 },
    type: "struct_ops",
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
    flags: 0,
    structOps,
    initial: [content],
  };
};
const congestion = structOpsMap("tcp_congestion_ops");
const withoutOps = available && congestion === undefined ? " (skipped: the kernel has no tcp_congestion_ops)" : "";

describe.skipIf(!available)(`maps of the running kernel${skipped}`, () => {
  const hash = (rest: Partial<MapSpec> = {}): MapSpec => array({ name: "table", type: "hash", keySize: 8, ...rest });

  it(
    "hold elements by key",
    withKernel((kernel) => {
      const map = kernel.createMap(hash());
      expect(map.lookup(u64(5n))).toBeUndefined();
      map.update(u64(5n), u64(50n), "create");
      expect(errorOf(() => map.update(u64(5n), u64(51n), "create"))).toMatchObject({ errorName: "EEXIST" });
      expect(errorOf(() => map.update(u64(6n), u64(60n), "exist"))).toMatchObject({ errorName: "ENOENT" });
      map.update(u64(6n), u64(60n));
      const entries = [...map.entries()].map(([key, value]) => [key[0], value[0]]);
      expect(entries.sort()).toEqual([
        [5, 50],
        [6, 60],
      ]);
      expect([map.delete(u64(5n)), map.delete(u64(5n))]).toEqual([true, false]);
      expect([...map.keys()]).toEqual([u64(6n)]);
    }),
  );

  it.skipIf(congestion === undefined)(
    `of the kernel's structures of functions stay unused${withoutOps}`,
    withKernel((kernel) => {
      const map = kernel.createMap(congestion!);
      expect(map.valueBytes).toBe(congestion!.structOps!.kernel!.valueSize);
      // The kernel shows zeros until such a map is written to, which registers it.
      expect(map.lookup(u32(0))).toEqual(new Uint8Array(map.valueBytes));
    }),
  );

  it(
    "want keys and values of their sizes",
    withKernel((kernel) => {
      const map = kernel.createMap(array());
      expect(errorOf(() => map.lookup(u64(0n)))?.code).toBe("BAD_OPTION");
      expect(errorOf(() => map.update(u32(0), u32(0)))?.code).toBe("BAD_OPTION");
      expect(errorOf(() => map.delete(NO_KEY))?.code).toBe("BAD_OPTION");
    }),
  );

  it(
    "of each CPU give every CPU's value",
    withKernel((kernel) => {
      const map = kernel.createMap(array({ type: "percpu_array", valueSize: 4 }));
      map.update(u32(2), u32(9));
      const value = map.lookup(u32(2))!;
      expect(value.length).toBe(map.valueBytes);
      expect(value.length % 8).toBe(0);
      for (let at = 0; at < value.length; at += 8) expect(value.slice(at, at + 4)).toEqual(u32(9));
      value.set(u32(11));
      map.update(u32(2), value);
      expect(map.lookup(u32(2))).toEqual(value);
    }),
  );

  it(
    "without keys are queues",
    withKernel((kernel) => {
      const queue = kernel.createMap(array({ type: "queue", keySize: 0 }));
      expect(queue.lookup(NO_KEY)).toBeUndefined();
      queue.update(NO_KEY, u64(1n));
      queue.update(NO_KEY, u64(2n));
      expect(queue.lookup(NO_KEY)).toEqual(u64(1n));
    }),
  );

  it(
    "hold maps and programs by their descriptors, and begin with those they name",
    withKernel((kernel) => {
      const inner = array({ name: "inner" });
      const outer = array({
        name: "outer",
        type: "array_of_maps",
        valueSize: 4,
        inner,
        initial: [{ key: u32(1), value: { reference: "inner" } }],
      });
      const held = kernel.createMap(inner);
      const map = kernel.createMap(outer, { maps: new Map([[inner, held]]) });
      expect(map.lookup(u32(1))?.length).toBe(4);
      expect(map.lookup(u32(0))).toBeUndefined();
      map.update(u32(0), held);
      expect(map.lookup(u32(0))).toEqual(map.lookup(u32(1)));

      const { program: loaded } = kernel.load(program(PASS), { keep: true });
      const programs = kernel.createMap(array({ type: "prog_array", valueSize: 4 }));
      programs.update(u32(3), loaded!);
      expect([...programs.entries()].length).toBe(1);
    }),
  );

  it(
    "that are frozen don't change",
    withKernel((kernel) => {
      const map = kernel.createMap(array({ frozen: true, initial: [{ key: u32(0), value: u64(3n) }] }));
      expect(map.lookup(u32(0))).toEqual(u64(3n));
      expect(errorOf(() => map.update(u32(0), u64(4n)))).toMatchObject({ code: "MAP_ACCESS", errorName: "EPERM" });
    }),
  );

  const made = (kernel: Kernel, rest: Partial<MapSpec>): KernelMap => kernel.createMap(array(rest));

  it(
    "are made of every type that needs nothing else",
    withKernel((kernel) => {
      const fourBytes = { valueSize: 4 };
      const noKey = { keySize: 0 };
      const buffer = { keySize: 0, valueSize: 0, maxEntries: 5000 };
      const specs: Partial<MapSpec>[] = [
        ...(["percpu_hash", "lru_hash", "lru_percpu_hash"] as const).map((type) => ({ type })),
        { type: "lpm_trie", keySize: 8, flags: MAP_FLAGS.noPrealloc },
        { type: "perf_event_array", maxEntries: 0, ...fourBytes },
        ...(["stack_trace", "reuseport_sockarray"] as const).map((type) => ({ type })),
        ...(["cgroup_array", "devmap", "devmap_hash", "cpumap", "xskmap"] as const).map((type) => ({
          type,
          ...fourBytes,
        })),
        ...(["devmap", "devmap_hash"] as const).map((type) => ({
          type,
          flags: MAP_FLAGS.readOnlyProgram,
          ...fourBytes,
        })),
        ...(["sockmap", "sockhash"] as const).map((type) => ({ type })),
        ...(["stack", "bloom_filter"] as const).map((type) => ({ type, ...noKey })),
        { type: "ringbuf", ...buffer },
        { type: "ringbuf", ...buffer, valueSize: 20 },
        { type: "array_of_maps", valueSize: 0, inner: array() },
        { type: "user_ringbuf", ...buffer },
        { type: "cgroup_storage", keySize: 16, maxEntries: 0 },
        { type: "arena", keySize: 0, valueSize: 0, maxEntries: 100, flags: MAP_FLAGS.mmapable },
      ];
      for (const spec of specs) {
        const map = made(kernel, spec);
        expect(map.fd, spec.type).toBeGreaterThan(2);
        map[Symbol.dispose]();
      }
    }),
  );

  it(
    "that can't be are typed errors",
    withKernel((kernel) => {
      expect(errorOf(() => made(kernel, { keySize: 3 }))).toMatchObject({ code: "MAP_CREATE", errorName: "EINVAL" });
      expect(errorOf(() => made(kernel, { type: "struct_ops" }))?.code).toBe("UNSUPPORTED");
      const inner = array({ type: "array_of_maps", valueSize: 4, inner: array() });
      expect(errorOf(() => made(kernel, { type: "hash_of_maps", valueSize: 4, inner }))?.code).toBe("BAD_OPTION");
    }),
  );
});
