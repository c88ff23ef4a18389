import { execFileSync, spawnSync } from "node:child_process";
import { encode, targetOf } from "@ebpf/asm";
import { bytesToHex, isEbpfError } from "@ebpf/core";
import type { ProgramSpec } from "@ebpf/platform";
import { describe, expect, test } from "vitest";
import { fixture, fixturePath, openFixture, programOf } from "./support/fixture.js";

const SUFFIXES = ["el", "eb"] as const;

/** Every reference of a program: pc, operation, and the name of what it leads to. */
const referencesOf = (program: ProgramSpec): [number, string, string][] =>
  program.instructions.flatMap((slot, pc): [number, string, string][] => {
    const { op } = slot;
    if (op.name === "lddw_map") return [[pc, op.name, program.maps.get(slot.imm)?.name ?? "?"]];
    if (op.name === "lddw_map_value") {
      const offset = program.instructions[pc + 1]!.imm;
      return [[pc, op.name, `${program.maps.get(slot.imm)?.name}+${offset}`]];
    }
    if (op.name !== "call_local" && op.name !== "lddw_function") return [];
    const target = targetOf(slot, pc);
    return [[pc, op.name, program.functions.find((f) => f.pc === target)?.name ?? `no function at ${target}`]];
  });

describe.each(SUFFIXES)("features-%s.o", (suffix) => {
  const object = openFixture(`features-${suffix}.o`);

  test("has these programs", () => {
    const rows = object.programs.map((program) => {
      const what = "error" in program ? program.error.code : program.spec.type;
      return [program.name, program.section, what];
    });
    expect(rows).toEqual([
      ["tail", "xdp", "xdp"],
      ["first", "xdp", "xdp"],
      ["second", "xdp", "xdp"],
      ["probe", "kprobe.multi/vfs_*", "kprobe"],
      ["strange", "nobody/knows/this", "unspec"],
      ["weak_symbol", "fentry.s/do_exit", "tracing"],
      ["kernel_function", "socket", "UNRESOLVED_EXTERN"],
      ["undefined_function", "socket", "UNDEFINED_SYMBOL"],
      ["kernel_configuration", "socket", "UNRESOLVED_EXTERN"],
      ["core", "socket", "NO_KERNEL_TYPES"],
    ]);
  });

  test("what can't be had says what it lacks", () => {
    const messages = object.programs.flatMap((p) => ("error" in p ? [p.error.message] : []));
    expect(messages[0]).toContain("missing_function");
    expect(messages[1]).toContain("missing_symbol");
    expect(messages[2]).toContain("LINUX_KERNEL_VERSION");
    expect(messages[3]).toContain("function core, instruction 0");
    const places = object.programs.flatMap((p) => ("error" in p ? [p.error.place?.line] : []));
    const source = new TextDecoder().decode(fixture("features.c")).split("\n");
    expect(places.map((line) => source[(line ?? 0) - 1]?.trim())).toEqual([
      "missing_function();",
      "int undefined_function(void *ctx) { return missing_symbol(); }",
      "int kernel_configuration(void *ctx) { return LINUX_KERNEL_VERSION; }",
      "int core(struct task *task) { return task->pid; }",
    ]);
  });

  test("a program comes with the functions it calls, depth first", () => {
    const first = programOf(object, "first");
    // Lengths as llvm-objdump shows them: first 21, shared 12, leaf 8.
    expect(first.functions.map(({ pc, name, linkage }) => [pc, name, linkage])).toEqual([
      [0, "first", "global"],
      [21, "shared", "global"],
      [33, "leaf", "static"],
    ]);
    expect(first.instructions).toHaveLength(41);
    expect(referencesOf(first)).toEqual([
      [6, "lddw_map", "by_key"],
      [14, "lddw_map", "tails"],
      [19, "call_local", "shared"],
      [22, "call_local", "leaf"],
      [26, "call_local", "leaf"],
      [28, "lddw_map_value", ".rodata+0"],
      [34, "lddw_map_value", ".data+0"],
    ]);
  });

  test("a callback's address is a function of the program", () => {
    const second = programOf(object, "second");
    expect(second.functions.map(({ pc, name }) => [pc, name])).toEqual([
      [0, "second"],
      [13, "callback"],
      [22, "leaf"],
    ]);
    expect(referencesOf(second)).toEqual([
      [1, "lddw_function", "callback"],
      [7, "call_local", "leaf"],
      [8, "lddw_map_value", ".bss+0"],
      [13, "lddw_map_value", ".bss+32"],
      [23, "lddw_map_value", ".data+0"],
    ]);
  });

  test("a program has only the maps it refers to", () => {
    expect([...programOf(object, "probe").maps.values()].map(({ name }) => name)).toEqual(["outer"]);
  });

  test("functions have the types of BTF", () => {
    for (const { name, typeId } of programOf(object, "first").functions) {
      expect(object.btf?.type(typeId ?? 0)).toMatchObject({ kind: "func", name });
    }
  });

  test("the section's name says what a program is", () => {
    expect(programOf(object, "weak_symbol")).toMatchObject({
      attachType: "trace_fentry",
      attachTarget: "do_exit",
      flags: { sleepable: true },
      license: "Dual MIT/GPL",
    });
    expect(programOf(object, "probe")).toMatchObject({ attachType: "trace_kprobe_multi", attachTarget: "vfs_*" });
  });

  test("a weak symbol of the kernel is absent", () => {
    const slots = programOf(object, "weak_symbol").instructions.slice(1, 3);
    expect(slots.map(({ op, imm }) => [op.name, imm])).toEqual([
      ["lddw", 0],
      ["lddw_tail", 0],
    ]);
  });

  test("lines are those of the source", () => {
    const source = new TextDecoder().decode(fixture("features.c")).split("\n");
    for (const name of ["tail", "first", "second", "probe", "strange"]) {
      const { lines, functions } = programOf(object, name);
      for (const { file, line, text } of lines) {
        expect(file).toMatch(/features\.c$/);
        expect(text).toBe(source[line - 1]);
      }
      expect(lines.map(({ pc }) => pc)).toEqual([...lines.map(({ pc }) => pc)].sort((a, b) => a - b));
      // A function begins with the line that declares it, or its first statement.
      for (const f of functions) expect(lines.some(({ pc }) => pc === f.pc)).toBe(true);
    }
    const leaf = programOf(object, "first").functions.find(({ name }) => name === "leaf")!;
    const inLeaf = programOf(object, "first").lines.filter(({ pc }) => pc >= leaf.pc);
    expect(inLeaf.map(({ text }) => text.trim())).toContain("return x * 3;");
  });
});

describe.each(SUFFIXES)("legacy-%s.o", (suffix) => {
  const object = openFixture(`legacy-${suffix}.o`);

  test("code that is alone in .text is a program, of no type", () => {
    const entry = programOf(object, "entry");
    expect(object.programs).toHaveLength(1);
    expect(entry.type).toBe("unspec");
    expect(entry.functions.map(({ name, linkage }) => [name, linkage])).toEqual([
      ["entry", "global"],
      ["helper", "static"],
    ]);
    expect(referencesOf(entry).map(([, op, name]) => [op, name])).toEqual([
      ["lddw_map", "counters"],
      ["lddw_map", "flows"],
      ["call_local", "helper"],
    ]);
  });
});

const OBJDUMP = "llvm-objdump-19";
const missing = spawnSync(OBJDUMP, ["--version"]).error === undefined ? "" : ` (skipped: no ${OBJDUMP})`;

describe.skipIf(missing !== "")(`agreement with llvm-objdump${missing}`, () => {
  /** The bytes of every function, by name. */
  const functionsOf = (file: string): Map<string, string> => {
    const text = execFileSync(OBJDUMP, [
      "-d",
      "-j",
      ".text",
      "-j",
      "xdp",
      "-j",
      "kprobe.multi/vfs_*",
      fixturePath(file),
    ]).toString();
    const functions = new Map<string, string>();
    let name = "";
    for (const line of text.split("\n")) {
      name = /^[0-9a-f]+ <(.*)>:$/.exec(line)?.[1] ?? name;
      const bytes = /^\s+\d+:\t((?:[0-9a-f]{2}[ \t])+)/.exec(line)?.[1];
      if (bytes !== undefined) functions.set(name, (functions.get(name) ?? "") + bytes.replace(/\s/g, ""));
    }
    return functions;
  };

  test.each(SUFFIXES)("on all that is not relocated, features-%s.o", (suffix) => {
    const object = openFixture(`features-${suffix}.o`);
    const dumped = functionsOf(`features-${suffix}.o`);
    for (const name of ["tail", "first", "second", "probe"]) {
      const program = programOf(object, name);
      const patched = new Set(
        referencesOf(program).flatMap(([pc, op]) => (op.startsWith("lddw") ? [pc, pc + 1] : [pc])),
      );
      const ours = bytesToHex(encode(program.instructions, program.byteOrder));
      const theirs = program.functions.map((f) => dumped.get(f.name)).join("");
      expect(ours).toHaveLength(theirs.length);
      program.instructions.forEach((_, pc) => {
        if (!patched.has(pc)) expect(ours.slice(16 * pc, 16 * pc + 16)).toBe(theirs.slice(16 * pc, 16 * pc + 16));
      });
    }
  });
});

test("errors of programs are typed", () => {
  for (const program of openFixture("features-el.o").programs) {
    if ("error" in program) expect(isEbpfError(program.error)).toBe(true);
  }
});
