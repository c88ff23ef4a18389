import { assemble } from "@ebpf/asm";
import { EbpfError } from "@ebpf/core";
import { writeObject } from "@ebpf/elf";
import { definePlatform, linux, type MapSpec, type Platform, type PlatformParts, programSpec } from "@ebpf/platform";
import { type HelperTable, helper, LINUX_HELPERS, Runtime } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { type Engine, type LoadOptions, load, loadObject } from "../src/index.js";

const ENGINES = ["interpreter", "jit"] as const satisfies readonly Engine[];

describe("examples/embedder", () => {
  it("filters requests with plug-ins, and tells why it doesn't load some", async () => {
    const example = (await import(new URL("../../../examples/embedder/main.mjs", import.meta.url).href)) as {
      readonly main: () => readonly string[];
    };
    const lines = example.main();
    const filtered = [
      "no token: refused with 401",
      "no JSON: refused with 415",
      "first: allowed",
      "second: allowed",
      "third: refused with 429",
    ];
    expect(lines.slice(0, 10)).toEqual(ENGINES.flatMap((engine) => filtered.map((line) => `${engine}: ${line}`)));
    expect(lines[10]).toBe("changes-method is not loaded:");
    expect(lines[11]).toMatch(/^CONTEXT_ACCESS: .* off=8 size=4\n {2}at instruction 0 in filter/);
    expect(lines[12]).toBe("reads-too-far is not loaded:");
    expect(lines[13]).toMatch(/^PACKET_OUT_OF_BOUNDS: .*\n {2}at instruction 1 in filter/);
  });
});

const EMPTY = { name: "nothing", size: 0, fields: [] } as const;

/** Programs of type `job`, without a context, that may look up maps and call helper 1 of the embedder's own. */
const parts = (more: Partial<PlatformParts> = {}): PlatformParts => ({
  name: "jobs",
  programTypes: { job: { context: EMPTY, helpers: ["map_update_elem", "map_delete_elem"] } },
  helpers: [{ id: 1, name: "answer", arguments: [], returns: { kind: "scalar" }, programTypes: ["job"] }],
  mapTypes: { cache: { storedAs: "lru_hash", atMost: { maxEntries: 8 } } },
  ...more,
});

const ANSWER: HelperTable = { ...LINUX_HELPERS, answer: helper([], () => () => 42) };

const CACHE: MapSpec = { name: "cache", type: "cache", keySize: 4, valueSize: 4, maxEntries: 8, flags: 0 };

type OwnOptions = LoadOptions & { readonly maps?: readonly MapSpec[] };

const loaded = (text: string, { maps = [], ...options }: OwnOptions = {}) => {
  const { instructions } = assemble(text, { dialect: "kernel" }).sections[0]!;
  const byHandle = new Map(maps.map((map, index) => [index + 1, map]));
  const spec = programSpec("job", instructions, { maps: byHandle });
  const object = {
    programs: [{ name: "main", section: "job", spec }],
    maps: byHandle,
    license: "GPL",
    byteOrder: "little",
  } as const;
  return loadObject(object, { platform: definePlatform(parts()), runtime: { helpers: ANSWER }, ...options });
};

const run = (text: string, options?: OwnOptions) => loaded(text, options).program("main").run();

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof EbpfError) return error.code;
    throw error;
  }
  return "nothing was thrown";
};

const UPDATE = `
  *(u32 *)(r10 - 4) = 7
  *(u32 *)(r10 - 8) = 1
  r1 = map[fd:1]
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -8
  r4 = 0
  call 2
  exit`;

describe.each(ENGINES)("a platform of an embedder's own, in the %s", (engine) => {
  it("may have contexts without fields, and numbers of helpers that mean something else in Linux", () => {
    expect(run("call 1\nexit", { engine }).returnValue).toBe(42);
    expect(codeOf(() => run("r0 = *(u32 *)(r1 + 0)\nexit", { engine }))).toBe("REJECTED");
  });

  it("keeps maps of its own types as those that they are stored as", () => {
    const collection = loaded(UPDATE, { engine, maps: [CACHE] });
    expect(collection.program("main").run().returnValue).toBe(0);
    expect([...collection.map("cache").entries()]).toHaveLength(1);
  });

  it("refuses maps that are larger than their type allows", () => {
    expect(codeOf(() => run(UPDATE, { engine, maps: [{ ...CACHE, maxEntries: 9 }] }))).toBe("BAD_MAP");
  });

  it("lacks what the runtime has no implementation of", () => {
    expect(codeOf(() => run("call 1\nexit", { engine, runtime: {} }))).toBe("UNSUPPORTED_HELPER");
  });

  it("checks the calls of programs that run unverified", () => {
    expect(run("call 1\nexit", { engine, unverified: true }).returnValue).toBe(42);
    expect(codeOf(() => run("call 5\nexit", { engine, unverified: true }))).toBe("BAD_CALL");
  });

  it("gives objects the type that their section is called by", () => {
    const text = '.section job/nightly,"ax"\n.globl main\n.type main,@function\nmain: call 1\nexit';
    const bytes = writeObject({ assembly: assemble(text, { dialect: "kernel" }), license: "GPL" });
    const options = { engine, platform: definePlatform(parts()), runtime: { helpers: ANSWER } };
    expect(load(bytes, options).program("main").run().returnValue).toBe(42);
    expect(codeOf(() => load(bytes, { engine }))).toBe("REJECTED");
  });
});

describe("compiled code of such a platform", () => {
  it("changes maps of its own types without leaving WebAssembly", () => {
    const { wasm } = loaded(UPDATE, { maps: [CACHE] }).program("main");
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>));
    expect(imports.map(({ name }) => name)).not.toContain("helper_2");
  });

  it("stands alone, with helpers of the host", () => {
    const text = UPDATE.replace("exit", "call 1\nexit");
    const artifact = loaded(text, { maps: [CACHE] }).artifact();
    const module = new WebAssembly.Module(artifact.wasm as Uint8Array<ArrayBuffer>);
    const { exports } = new WebAssembly.Instance(module, { helper: { answer: () => 42 } });
    expect(Object.keys(exports)).toContain("cache.lookup");
    const run = exports["main.run"] as (context: number) => number;
    expect(run(artifact.info.memory.context.address)).toBe(42);
  });
});

describe("what a platform does not have", () => {
  const rejection = (text: string, type: string, platform: Platform, maps: readonly MapSpec[] = []) => {
    const { instructions } = assemble(text, { dialect: "kernel" }).sections[0]!;
    const byHandle = new Map(maps.map((map, index) => [index + 1, map]));
    return verify(programSpec(type, instructions, { maps: byHandle }), { platform, selfCheck: true }).rejection;
  };
  const own = definePlatform(parts());

  it.each(["xdp", "constructor", "__proto__", ""])("no programs of type %j", (type) => {
    expect(rejection("r0 = 0\nexit", type, own)?.code).toBe("UNSUPPORTED_PROGRAM_TYPE");
  });

  it.each(["job", "constructor"])("nor has Linux any of type %s", (type) => {
    expect(rejection("r0 = 0\nexit", type, linux)?.code).toBe("UNSUPPORTED_PROGRAM_TYPE");
  });

  it.each(["secret", "constructor"])("no maps of type %s", (type) => {
    expect(rejection(UPDATE, "job", own, [{ ...CACHE, type }])?.code).toBe("UNSUPPORTED_MAP");
    expect(codeOf(() => new Runtime({ platform: own }).createMap({ ...CACHE, type }))).toBe("UNSUPPORTED_MAP");
  });

  it("no helpers for programs of other types", () => {
    const two = definePlatform(parts({ programTypes: { job: { context: EMPTY }, other: { context: EMPTY } } }));
    expect(rejection("call 1\nexit", "other", two)?.code).toBe("HELPER_NOT_ALLOWED");
  });

  it("not more CPUs than it says", () => {
    expect(codeOf(() => new Runtime({ platform: definePlatform(parts({ cpus: 2 })), cpus: 4 }))).toBe("LIMIT");
  });

  it("no place in object files for types of maps", () => {
    const assembly = assemble('.section job,"ax"\n.globl main\nmain: r0 = 0\nexit', { dialect: "kernel" });
    expect(codeOf(() => writeObject({ assembly, license: "GPL", maps: [CACHE] }))).toBe("BAD_MAP");
  });
});
