import { BtfBuilder } from "@ebpf/btf";
import { openObject, parseKconfig, type ReadOptions, readObject } from "@ebpf/elf";
import type { ProgramSpec } from "@ebpf/platform";
import { describe, expect, test } from "vitest";
import { fixture, openFixture, programOf } from "./support/fixture.js";

/** A kernel that has what `features.c` asks for, and `pid` 12 bytes further on. */
const kernelBtf = (change: (types: BtfBuilder, int: number) => void = () => {}) => {
  const types = new BtfBuilder();
  const int = types.int("int", 4, "signed");
  types.func("missing_function", types.signature(0), "static"); // id 3
  types.variable("maybe", types.qualified("const", int)); // id 5
  types.func("do_exit", types.signature(0, { code: int }), "static"); // id 7
  types.struct("task", { pads: types.array(int, 3), pid: int });
  change(types, int);
  return types.build();
};

const withKernel = (options: ReadOptions = {}) =>
  openFixture("features-el.o", { kernel: { btf: kernelBtf(), release: "6.18.44-test" }, ...options });

const slot = (program: ProgramSpec, pc: number) => {
  const { op, imm, offset, src } = program.instructions[pc]!;
  return { op: op.name, imm, offset, src };
};

describe("for a kernel", () => {
  test("every program but the one with an undefined symbol can be had", () => {
    const failures = withKernel().programs.flatMap((p) => ("error" in p ? [[p.name, p.error.code]] : []));
    expect(failures).toEqual([["undefined_function", "UNDEFINED_SYMBOL"]]);
  });

  test("functions and variables of the kernel are called by their ids", () => {
    const object = withKernel();
    expect(slot(programOf(object, "kernel_function"), 0)).toEqual({ op: "call_kfunc", imm: 3, offset: 0, src: 2 });
    expect(slot(programOf(object, "weak_symbol"), 1)).toMatchObject({ op: "lddw_ksym", imm: 5 });
  });

  test("code is adapted to its types", () => {
    // `pid` stands at byte 0 in the object's types and at byte 12 in the kernel's.
    expect(slot(programOf(withKernel(), "core"), 0)).toMatchObject({ op: "ldxw", offset: 12 });
  });

  test("other types than the kernel's can be the target", () => {
    const types = new BtfBuilder();
    types.struct("task", { pad: types.int("int", 4, "signed"), pid: types.int("int", 4, "signed") });
    expect(slot(programOf(withKernel({ coreTarget: types.build() }), "core"), 0)).toMatchObject({ offset: 4 });
  });

  test("a field that it lacks makes the program call what no kernel has", () => {
    const btf = new BtfBuilder();
    btf.struct("task", { tgid: btf.int("int", 4, "signed") });
    const program = programOf(withKernel({ coreTarget: btf.build() }), "core");
    expect(slot(program, 0)).toMatchObject({ op: "call", imm: 0xbad2310 });
  });

  test("types that contradict each other are an error of the program", () => {
    const btf = new BtfBuilder();
    const int = btf.int("int", 4, "signed");
    btf.struct("task", { pid: int });
    btf.struct("task", { pad: int, pid: int });
    const failed = withKernel({ coreTarget: btf.build() }).programs.find(({ name }) => name === "core");
    expect(failed).toMatchObject({ error: { code: "BAD_CORE_RELOCATION", place: { file: expect.any(String) } } });
  });

  test("a function of another signature is refused", () => {
    const types = new BtfBuilder();
    types.func("missing_function", types.signature(0, { x: types.int("int", 4) }));
    const object = withKernel({ kernel: { btf: types.build() } });
    expect(object.programs.find(({ name }) => name === "kernel_function")).toMatchObject({
      error: { code: "BAD_EXTERN" },
    });
  });

  test("the attach target is found in its types", () => {
    expect(programOf(withKernel(), "weak_symbol").attachBtfId).toBe(7);
  });

  test("a program whose attach target it lacks is an error", () => {
    const btf = new BtfBuilder();
    btf.func("do_exit_group", btf.signature(0));
    const object = withKernel({ kernel: { btf: btf.build() } });
    expect(object.programs.find(({ name }) => name === "weak_symbol")).toMatchObject({
      error: { code: "NO_ATTACH_TARGET" },
    });
  });

  test("what the object declares becomes definitions in its types", () => {
    const { btf } = withKernel();
    const externs = [...btf!.ownTypes()].filter((type) => "linkage" in type && type.linkage === "extern");
    // A function that nobody has stays undefined.
    expect(externs.map((type) => "name" in type && type.name)).toEqual(["missing_symbol"]);
    const ksyms = btf!.type(btf!.findByName(".ksyms", "datasec")!);
    expect(ksyms).toMatchObject({
      size: 8,
      variables: [
        { offset: 0, size: 4 },
        { offset: 4, size: 4 },
      ],
    });
  });
});

describe("modules of the kernel", () => {
  const base = new BtfBuilder();
  const int = base.int("int", 4, "signed");
  const btf = base.build();
  const module = (change: (types: BtfBuilder) => void) => {
    const types = new BtfBuilder({ base: btf });
    change(types);
    return types.build();
  };
  const modules = new Map([
    ["empty", module((types) => types.func("nothing", types.signature(0)))], // ids 2 and 3
    ["first", module((types) => types.variable("maybe", types.qualified("const", int)))], // id 3
    [
      "second",
      module((types) => {
        types.func("missing_function", types.signature(0)); // id 3
        types.func("do_exit", types.signature(0)); // id 5
        types.func("missing_function", types.signature(int)); // id 7, which nobody means
      }),
    ],
  ]);
  const object = withKernel({ kernel: { btf, modules } });

  test("have what the kernel itself lacks; those of functions are numbered first", () => {
    const program = programOf(object, "kernel_function");
    expect(slot(program, 0)).toEqual({ op: "call_kfunc", imm: 3, offset: 1, src: 2 });
    expect(program.modules).toEqual(["second", "first"]);
    const variable = programOf(object, "weak_symbol");
    expect(slot(variable, 1)).toMatchObject({ op: "lddw_ksym", imm: 3 });
    expect(variable.instructions[2]!.imm).toBe(2);
  });

  test("have attach targets", () => {
    expect(programOf(object, "weak_symbol")).toMatchObject({ attachBtfId: 5, attachModule: "second" });
  });

  test("don't count where the kernel has it all", () => {
    const program = programOf(withKernel({ kernel: { btf: kernelBtf(), modules } }), "kernel_function");
    expect(slot(program, 0)).toMatchObject({ imm: 3, offset: 0 });
    expect(program).not.toHaveProperty("modules");
  });
});

describe("the kernel's configuration", () => {
  const kconfig = (options: ReadOptions) =>
    [...openFixture("features-el.o", options).maps.values()].find(({ name }) => name === ".kconfig");

  test("has the version of the release", () => {
    const map = kconfig({ kernel: { release: "6.18.44-test" }, path: "some/features.bpf.o" });
    // 6 × 65536 + 18 × 256 + 44
    expect(map).toMatchObject({
      kernelName: "feature.kconfig",
      flags: 0x480,
      frozen: true,
      initial: [{ value: Uint8Array.of(0x2c, 0x12, 0x06, 0) }],
    });
    expect(slot(programOf(withKernel(), "kernel_configuration"), 0)).toMatchObject({ op: "lddw_map_value" });
  });

  test("keeps patch levels to a byte", () => {
    expect(kconfig({ kernel: { release: "4.19.325" } })?.initial).toEqual([
      { key: new Uint8Array(4), value: Uint8Array.of(255, 19, 4, 0) },
    ]);
  });

  test("takes given values", () => {
    const map = kconfig({ kconfig: { LINUX_KERNEL_VERSION: "0x12345678" } });
    expect(map?.initial?.[0]?.value).toEqual(Uint8Array.of(0x78, 0x56, 0x34, 0x12));
  });

  test.each(["y", '"text"', "4294967296", "-2147483649", "1 2", ""])("can't be %j for an int", (text) => {
    const object = openFixture("features-el.o", { kconfig: { LINUX_KERNEL_VERSION: text } });
    const program = object.programs.find(({ name }) => name === "kernel_configuration");
    expect(program).toMatchObject({ error: { code: "BAD_EXTERN" } });
  });

  test("is read from its file", () => {
    expect(parseKconfig('# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_HZ=250\nCONFIG_C="a=b"\nOTHER=1\n')).toEqual({
      CONFIG_B: "y",
      CONFIG_HZ: "250",
      CONFIG_C: '"a=b"',
    });
  });
});

describe("openObject", () => {
  test("lists programs without their code, and links them one by one", () => {
    const object = openObject(fixture("features-el.o"));
    expect(object.programs[0]).toEqual({ name: "tail", section: "xdp" });
    expect(object.programs.find(({ autoload }) => autoload === false)?.name).toBe("weak_symbol");
    const whole = readObject(fixture("features-el.o"));
    expect(object.link(1).instructions).toEqual(programOf(whole, "first").instructions);
    expect(() => object.link(99)).toThrow(RangeError);
  });

  test("does not look at code that nobody asks for", () => {
    const bytes = fixture("features-el.o");
    expect(() => openObject(bytes).link(6)).toThrow("missing_function");
  });
});
