import { type Executable, interpret, type KeyedMap, Runtime, RuntimeFault } from "@ebpf/runtime";
import { describe, expect, it } from "vitest";
import { asm, bytesOf, mapOf, programOf } from "../../runtime/test/support/program.js";
import { compile } from "../src/index.js";

const SPEC = mapOf({ type: "prog_array", valueSize: 4, maxEntries: 2 });
/** Goes on with the program at index 0. */
const JUMP = programOf(asm("lddw_map 2, 1\nmov %r3, 0\ncall 12\nmov %r0, 99\nexit"), { maps: new Map([[1, SPEC]]) });
/** What a verifier would say of the call: its map is always this one. */
const FACTS = JUMP.instructions.map((_, pc) => (pc === 3 ? { regions: [], map: 1 } : undefined));

describe("a tail call of compiled code", () => {
  const setUp = (facts: typeof FACTS = FACTS) => {
    const runtime = new Runtime({ memoryPages: 16 });
    const map = runtime.createMap(SPEC) as KeyedMap;
    const maps = new Map([[1, map]]);
    const program = compile(JUMP, runtime, { checked: false, maps, facts });
    const goTo = (target: Executable) => map.update(bytesOf(0, 4), bytesOf(runtime.register(target), 4));
    const run = () => runtime.run(program, { context: new Uint8Array(8) }).returnValue;
    return { runtime, map, program, goTo, run };
  };
  const importsOf = ({ wasm }: { readonly wasm: Uint8Array }): string[] =>
    WebAssembly.Module.imports(new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)).map(({ name }) => name);

  it("needs nothing of the host when the map is known", () => {
    expect(importsOf(setUp().program)).toEqual(["memory", "programs"]);
    expect(importsOf(setUp([]).program)).toEqual(["tail_call_target", "memory", "programs"]);
  });

  it.each([
    ["known", FACTS],
    ["unknown", []],
  ])("reaches programs of both engines through a map that is %s", (_name, facts) => {
    const { runtime, goTo, run } = setUp(facts);
    const target = (value: number) => programOf(asm(`lddw %r0, ${value}\nexit`));
    expect(run()).toBe(99n);
    expect(goTo(interpret(target(-5), runtime, { checked: true }))).toBe(0);
    expect(run()).toBe(2n ** 64n - 5n);
    goTo(compile(target(7), runtime, { checked: false }));
    expect(run()).toBe(7n);
  });

  it("passes faults of an interpreted program on", () => {
    const { runtime, goTo, run } = setUp();
    goTo(interpret(programOf(asm("ldxb %r0, [%r3]\nexit")), runtime, { checked: true }));
    expect(run).toThrow(RuntimeFault);
    expect(run).toThrow(expect.objectContaining({ code: "MEMORY_FAULT", pc: 0 }));
  });

  it("reaches a program's new code", () => {
    const { runtime, goTo, run } = setUp();
    const [before, after] = [1, 2].map((value) =>
      compile(programOf(asm(`mov %r0, ${value}\nexit`)), runtime, { checked: false }),
    );
    const program = { ...before! };
    goTo(program);
    expect(run()).toBe(1n);
    program.enter = after!.enter;
    runtime.programs.refresh(program);
    expect(run()).toBe(2n);
  });

  it("can't meet a number that no program has", () => {
    const { map } = setUp();
    for (const write of [map.update, map.initialize]) {
      expect(write.call(map, bytesOf(0, 4), bytesOf(5, 4))).toBe(-9); // EBADF, as the kernel says of a file descriptor
    }
    expect(map.lookup(bytesOf(0, 4))).toBeUndefined();
  });
});
