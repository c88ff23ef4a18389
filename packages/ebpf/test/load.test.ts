import { readFileSync } from "node:fs";
import { assemble } from "@ebpf/asm";
import { EbpfError } from "@ebpf/core";
import { type MapSpec, type ObjectSpec, programSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { type LoadOptions, load, loadObject } from "../src/index.js";

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));
const firewall = read("examples/xdp_firewall.o");

const failureOf = (action: () => unknown): EbpfError => {
  try {
    action();
  } catch (error) {
    if (error instanceof EbpfError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

/** An object made by hand: one XDP program and the maps that it has. */
const objectOf = (text: string, maps: readonly MapSpec[] = []): ObjectSpec => {
  const byHandle = new Map(maps.map((map, i) => [i + 1, map] as const));
  const { instructions } = assemble(text, { dialect: "kernel" }).sections.find((section) => section.executable)!;
  const spec = programSpec("xdp", instructions, { maps: byHandle });
  return { programs: [{ name: "main", section: "xdp", spec }], maps: byHandle, license: "GPL", byteOrder: "little" };
};

const run = (text: string, options: LoadOptions = {}) =>
  loadObject(objectOf(text), options)
    .program("main")
    .run({ packet: new Uint8Array(64) });

describe("load", () => {
  it("refuses to run what the verifier rejects, and says where", () => {
    const failure = failureOf(() => run("r0 = *(u64 *)(r2 + 0)\nexit"));
    expect(failure).toMatchObject({ code: "REJECTED", rejection: { code: "UNINITIALIZED_REGISTER", pc: 0 } });
    expect(failure.hint).toBeTypeOf("string");
  });

  it("loads only the programs that are named", () => {
    const collection = load(read("examples/kprobe_latency.o"), { programs: ["function_entered"] });
    expect(Object.keys(collection.programs)).toEqual(["function_entered"]);
  });

  it("sets constants before verification", () => {
    const packet = new Uint8Array(64);
    packet.set([0x08, 0x00, 0x45], 12);
    packet[23] = 6;
    packet.set([0x1f, 0x90], 36); // destination port 8080
    const action = (port: number) =>
      load(firewall, { variables: { trap_port: port } })
        .program("xdp_firewall")
        .run({ packet }).action;
    expect(action(23)).toBe("XDP_PASS");
    expect(action(8080)).toBe("XDP_DROP");
  });

  it.each([
    ["a program that isn't there", { programs: ["nobody"] }, "NO_PROGRAM", "nobody"],
    ["a type for a program that isn't there", { types: { nobody: "xdp" } }, "NO_PROGRAM", "nobody"],
    ["a variable that isn't there", { variables: { nothing: 1 } }, "NO_VARIABLE", "nothing"],
    ["a value that does not fit", { variables: { trap_port: 70_000 } }, "VALUE_RANGE", "70000"],
  ] as const)("refuses %s", (_, options, code, word) => {
    const failure = failureOf(() => load(firewall, options as LoadOptions));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(word);
  });

  it("refuses to run big-endian objects", () => {
    const object: ObjectSpec = { ...objectOf("r0 = 2\nexit"), byteOrder: "big" };
    expect(failureOf(() => loadObject(object)).code).toBe("BAD_BYTE_ORDER");
  });

  it("hands on the reason why a program can't be had", () => {
    const reason = failureOf(() => load(firewall, { programs: ["nobody"] }));
    const object: ObjectSpec = {
      ...objectOf("r0 = 2\nexit"),
      programs: [{ name: "main", section: "xdp", error: reason }],
    };
    expect(failureOf(() => loadObject(object))).toBe(reason);
  });
});

describe.each(["interpreter", "jit"] as const)("unverified programs with the %s", (engine) => {
  const unverified = (text: string, budget?: number) =>
    run(text, { engine, unverified: true, ...(budget === undefined ? {} : { budget }) });

  it("run", () => {
    expect(unverified("r0 = 2\nexit")).toMatchObject({ returnValue: 2, action: "XDP_PASS" });
  });

  it.each([
    ["memory that is not theirs", "r1 = 4096\nr0 = *(u64 *)(r1 + 0)\nexit", "MEMORY_FAULT"],
    ["a stack address with a high bit", "r1 = 1\nr1 <<= 40\nr1 += r10\n*(u64 *)(r1 - 8) = r1\nexit", "MEMORY_FAULT"],
    ["the byte behind the stack", "*(u8 *)(r10 + 0) = 1\nr0 = 0\nexit", "MEMORY_FAULT"],
    ["a helper that isn't there", "call 9999\nexit", "BAD_CALL"],
  ])("fault on %s", (_, text, code) => {
    expect(failureOf(() => unverified(text))).toMatchObject({ name: "RuntimeFault", code });
  });

  it("end when their budget is used up", () => {
    expect(failureOf(() => unverified("l:\ngoto l", 1000)).code).toBe("BUDGET_EXCEEDED");
  });

  it("end when calls nest without end", () => {
    const code = failureOf(() => unverified("f:\ncall f\nexit", 100_000)).code;
    expect(["CALL_DEPTH", "BUDGET_EXCEEDED"]).toContain(code);
  });
});

describe("packets", () => {
  const length = "r2 = *(u32 *)(r1 + 4)\nr1 = *(u32 *)(r1 + 0)\nr2 -= r1\nr0 = r2\nexit";

  it.each([0, 1, 1500, 65_536])("of %d bytes are taken", (size) => {
    const program = loadObject(objectOf(length), { unverified: true }).program("main");
    expect(program.run({ packet: new Uint8Array(size) }).returnValue).toBe(size);
  });

  it("of more than 64 KiB are refused", () => {
    const program = loadObject(objectOf(length), { unverified: true }).program("main");
    expect(failureOf(() => program.run({ packet: new Uint8Array(65_537) })).code).toBe("BAD_INPUT");
  });

  it("can't be replaced by raw memory for a verified program", () => {
    const program = loadObject(objectOf("r0 = 2\nexit")).program("main");
    expect(failureOf(() => program.run({ memory: new Uint8Array(64) })).code).toBe("BAD_INPUT");
  });

  it("may be left out: what is missing of a context is zero", () => {
    const program = loadObject(objectOf("r0 = *(u32 *)(r1 + 12)\nexit")).program("main");
    expect(program.run({ context: new Uint8Array(4).fill(255) }).returnValue).toBe(0);
  });

  it("are empty where only a context is given, whatever that says of addresses", () => {
    const first =
      "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 1\nr0 = 7\nif r4 > r3 goto +1\nr0 = *(u8 *)(r2 + 0)\nexit";
    const program = loadObject(objectOf(first)).program("main");
    const context = new Uint8Array(24);
    new DataView(context.buffer).setUint32(0, 0xf000_0000, true);
    new DataView(context.buffer).setUint32(4, 0xf000_1000, true);
    expect(program.run({ packet: Uint8Array.of(3, ...new Uint8Array(63)) }).returnValue).toBe(3);
    expect(program.run({ context }).returnValue).toBe(7);
  });
});
