import { readFileSync } from "node:fs";
import { bytesToHex } from "@ebpf/core";
import { KeyedMap } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { type Collection, type Engine, load, readPcap } from "../src/index.js";

/*
 * The examples on their captures, against what the Linux kernel gave for the same objects and packets. The fixture says
 * how it was recorded.
 */
interface Recorded {
  readonly capture: string;
  readonly returns: readonly number[];
  readonly packets?: readonly string[];
  readonly maps: Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>;
}

const root = new URL("../../../", import.meta.url);
const read = (path: string) => new Uint8Array(readFileSync(new URL(path, root)));
const recorded = JSON.parse(readFileSync(new URL("./fixtures/kernel-results.json", import.meta.url), "utf8")) as {
  readonly examples: Readonly<Record<string, Recorded>>;
  readonly kernels: Readonly<Record<string, { readonly program: string; readonly return: number }>>;
};

const engines: readonly Engine[] = ["interpreter", "jit"];

/** Entries of a map, or the bytes of global data, as the fixture has them. */
const entriesOf = (collection: Collection, name: string): (readonly [string, string])[] => {
  if (name === ".bss") {
    const bytes = collection.variables.names.map(
      (variable) => [variable, collection.variables.bytes(variable)] as const,
    );
    return bytes.map(([variable, value]) => [variable, bytesToHex(value)]);
  }
  const raw = collection.map(name).raw;
  if (!(raw instanceof KeyedMap)) throw new Error(`${name} has no entries`);
  // The kernel's record leaves out when a source was blocked, the first 8 bytes of a value of the blocklist.
  const skip = name === "blocklist" ? 8 : 0;
  return [...raw.entries()].map(([key, value]) => [bytesToHex(key), bytesToHex(value.subarray(skip))] as const).sort();
};

describe.each(engines)("examples with the %s", (engine) => {
  it.each(Object.entries(recorded.examples))("%s does what it does in the kernel", (name, expected) => {
    const collection = load(read(`examples/${name}.o`), { engine });
    const program = collection.program(name);
    const results = readPcap(read(`examples/${expected.capture}`)).map(({ bytes }) => program.run({ packet: bytes }));

    expect(results.map(({ returnValue }) => returnValue)).toEqual(expected.returns);
    if (expected.packets) expect(results.map(({ packet }) => bytesToHex(packet!))).toEqual(expected.packets);
    for (const [map, entries] of Object.entries(expected.maps)) {
      if (map === ".bss") {
        const bss = entriesOf(collection, map).filter(([variable]) =>
          ["seen", "skipped", "rewritten"].includes(variable),
        );
        expect(bss.map(([, value]) => value).join("")).toBe(entries[0]![1]);
      } else {
        expect(entriesOf(collection, map)).toEqual(entries);
      }
    }
  });

  it.each(Object.entries(recorded.kernels))(
    "bench kernel %s returns what it returns in the kernel",
    (name, expected) => {
      const packet = Uint8Array.from({ length: 1024 }, (_, i) => (i * 131 + (i >> 3) * 17 + 7) & 255);
      const program = load(read(`bench/kernels/${name}.o`), { engine }).program(expected.program);
      expect(program.run({ packet }).returnValue).toBe(expected.return);
    },
  );

  it("trace_events sends structured events", async () => {
    const collection = load(read("examples/trace_events.o"), {
      engine,
      runtime: {
        clock: () => 1234n,
        process: () => ({ pid: 7, tgid: 42, uid: 1000, gid: 100, comm: "cat" }),
      },
    });
    const context = new Uint8Array(64);
    new DataView(context.buffer).setBigInt64(32, 0x241n, true);
    expect(collection.program("trace_openat").run({ context }).returnValue).toBe(0);
    collection.map("events").close();
    const events = [];
    for await (const event of collection.map("events").records("open_event")) events.push(event);
    expect(events).toEqual([{ time_ns: 1234n, pid: 42, uid: 1000, flags: 0x241, command: "cat" }]);
    expect(collection.variables.get("lost")).toBe(0n);
  });

  it("kprobe_latency fills the bucket of the time that passed", () => {
    let now = 5_000n;
    const collection = load(read("examples/kprobe_latency.o"), { engine, runtime: { clock: () => now } });
    collection.program("function_entered").run();
    expect(collection.map("started").size).toBe(1);
    now += 1500n; // 2^10 <= 1500 < 2^11
    collection.program("function_returned").run();
    expect(collection.map("latency").get(10)).toBe(1n);
    expect(collection.map("started").size).toBe(0);
  });
});
