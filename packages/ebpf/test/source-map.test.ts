import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { RuntimeFault } from "@ebpf/runtime";
import { originalPositionFor, sourceContentFor, TraceMap } from "@jridgewell/trace-mapping";
import { describe, expect, it } from "vitest";
import { type LoadedProgram, load } from "../src/index.js";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const object = readFileSync(path("fixtures/rejected.o"));
const source = readFileSync(path("fixtures/rejected.c"), "utf8").split("\n");

/** The content of a custom section that holds one text. */
const textSection = (wasm: Uint8Array, name: string): string => {
  const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
  const [section] = WebAssembly.Module.customSections(module, name);
  const bytes = new Uint8Array(section!);
  // A length in LEB128 stands before the text.
  return new TextDecoder().decode(bytes.subarray(bytes.findIndex((byte) => byte < 0x80) + 1));
};

const mapOf = ({ wasm }: LoadedProgram): TraceMap => {
  const url = textSection(wasm!, "sourceMappingURL");
  const [head, data] = url.split(",") as [string, string];
  expect(head).toBe("data:application/json;base64");
  return new TraceMap(Buffer.from(data, "base64").toString());
};

/** The frames of WebAssembly that a fault was raised in, innermost first: V8 gives byte offsets in the module. */
const framesOf = (run: () => unknown): readonly { readonly name: string; readonly offset: number }[] => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(RuntimeFault);
    const frames = (error as Error).stack!.matchAll(/at (\S+) \(wasm:.*:0x([0-9a-f]+)\)/g);
    return [...frames].map(([, name, offset]) => ({ name: name!, offset: Number.parseInt(offset!, 16) }));
  }
  throw new Error("the program was to fault");
};

const [DATA_14, VALUE_PLUS_1] = [35, 23];
const runs = {
  past_the_end: [{ packet: new Uint8Array(14) }, DATA_14],
  null_dereference: [{ packet: new Uint8Array(14), fields: { rx_queue_index: 5 } }, VALUE_PLUS_1],
} as const;

describe("the source map of a compiled program", () => {
  const { programs } = load(object, { unverified: true, sourceMap: true });

  it.each(Object.entries(runs))("leads from where %s traps to its line of C", (name, [input, line]) => {
    const program = programs[name]!;
    const frame = framesOf(() => program.run(input)).find((candidate) => candidate.name.endsWith(name))!;
    const position = originalPositionFor(mapOf(program), { line: 1, column: frame.offset });
    expect(position).toMatchObject({ source: expect.stringMatching(/rejected\.c$/), line });
  });

  it("holds the text of the lines that it leads to", () => {
    const map = mapOf(programs.past_the_end!);
    const text = sourceContentFor(map, map.sources.find((name) => name!.endsWith("rejected.c"))!)!.split("\n");
    expect(text[DATA_14 - 1]).toBe(source[DATA_14 - 1]);
  });

  it("stands at the URL that was given, and code is the same without it", () => {
    const url = "past_the_end.wasm.map";
    const named = load(object, { unverified: true, sourceMap: url }).programs.past_the_end!;
    expect(textSection(named.wasm!, "sourceMappingURL")).toBe(url);
    const plain = load(object, { unverified: true }).programs.past_the_end!;
    expect(named.wasm!.subarray(0, plain.wasm!.length)).toEqual(plain.wasm);
  });
});

describe.each(["jit", "interpreter"] as const)("a fault in the engine %s", (engine) => {
  const { programs } = load(object, { unverified: true, engine });

  it.each(Object.entries(runs))("of %s names its line of C", (name, [input, line]) => {
    const place = { file: expect.stringMatching(/rejected\.c$/), line };
    expect(() => programs[name]!.run(input)).toThrow(
      expect.objectContaining({ code: "MEMORY_FAULT", place: expect.objectContaining(place) }),
    );
  });
});
