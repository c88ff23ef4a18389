import { BtfBuilder } from "@ebpf/btf";
import type { ProgramSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { verdictOf } from "../programs.js";

/*
 * What Linux 6.18.44 said of programs that call a global function with such a signature, or name such a function as
 * their exception callback.
 */

const types = () => {
  const btf = new BtfBuilder();
  const int = (name: string, size: 4 | 8) =>
    btf.add({ kind: "int", name, size, encoding: "signed", bits: 8 * size, bitOffset: 0 });
  const small = int("int", 4);
  const word = int("long", 8);
  const pointer = (type: number) => btf.add({ kind: "ptr", type });
  const struct = (name: string, size = 4) =>
    btf.add({ kind: "struct", name, size, members: [{ name: "a", type: small, bitOffset: 0, bitSize: 0 }] });
  const typedef = (name: string, type: number) => btf.add({ kind: "typedef", name, type });
  const array = () => btf.add({ kind: "array", elementType: small, indexType: small, length: 3 });
  const declared = (name: string) => btf.add({ kind: "fwd", name, target: "struct" });
  return { btf, small, word, pointer, struct, typedef, array, declared };
};

type Types = ReturnType<typeof types>;

interface Signature {
  readonly parameters: readonly number[];
  readonly returns?: number;
  readonly tags?: readonly string[];
}

const CALL = "call f\nr0 = 0\nexit\nf:\nr0 = 0\nexit";

/** A program whose entry calls `f`, which stands at pc 3, with what it got itself. */
const calling = (sign: (types: Types) => Signature, type: ProgramSpec["type"] = "sched_cls", text = CALL) => {
  const all = types();
  const { btf, small } = all;
  const { parameters, returns = small, tags = [] } = sign(all);
  const takes = (list: readonly number[], returnType: number) =>
    btf.add({ kind: "func_proto", returnType, parameters: list.map((id, n) => ({ name: `p${n}`, type: id })) });
  const main = btf.add({ kind: "func", name: "main", type: takes([], small), linkage: "global" });
  const f = btf.add({ kind: "func", name: "f", type: takes(parameters, returns), linkage: "global" });
  for (const tag of tags) btf.add({ kind: "decl_tag", name: `arg:${tag}`, type: f, component: 0, attribute: false });
  return verdictOf(text, {
    type,
    btf: btf.build(),
    functions: [
      { pc: 0, name: "main", typeId: main, linkage: "global" },
      { pc: 3, name: "f", typeId: f, linkage: "global" },
    ],
    ...(type === "syscall" && { flags: { sleepable: true } }),
  });
};

const pointing =
  (target: (t: Types) => number, ...tags: string[]) =>
  (t: Types) => ({
    parameters: [t.pointer(target(t))],
    tags,
  });
const context = (t: Types): number => t.struct("__sk_buff");

type Case = [what: string, sign: (t: Types) => Signature, type?: ProgramSpec["type"]];

const REFUSED: Case[] = [
  ["Global function f() doesn't return scalar. Only those are supported.", () => ({ parameters: [], returns: 0 })],
  [
    "Global function f() doesn't return scalar. Only those are supported.",
    (t) => ({ parameters: [], returns: t.pointer(t.small) }),
  ],
  ["arg#0 reference type('FWD x') size cannot be determined: -22", pointing((t) => t.declared("x"))],
  ["arg#0 reference type('UNKNOWN ') size cannot be determined: -22", pointing(() => 0)],
  ["Arg#0 type STRUCT in f() is not supported yet.", (t) => ({ parameters: [t.struct("s")] })],
  ["arg#0 has pointer tag, but is not a pointer type", (t) => ({ parameters: [t.small], tags: ["ctx"] })],
  ["arg#0 has pointer tag, but is not a pointer type", (t) => ({ parameters: [t.small], tags: ["nonnull"] })],
  ["arg#0 has unsupported set of tags", pointing((t) => t.small, "nice")],
  ["arg#0 has invalid combination of tags", pointing((t) => t.small, "nullable")],
  ["arg#0 has invalid combination of tags", pointing(context, "ctx", "nonnull")],
  ["arg#0 has invalid combination of tags", pointing(context, "arena")],
  ["arg#0 has invalid combination of tags", pointing((t) => t.struct("bpf_dynptr", 16), "arena")],
  ["arg#0 has invalid combination of tags", pointing((t) => t.struct("task_struct"), "trusted", "nonnull")],
  ["arg#0 untrusted cannot be combined with any other tags", pointing((t) => t.small, "untrusted", "nonnull")],
  ["arg#0 arena cannot be combined with any other tags", pointing((t) => t.small, "arena", "nonnull")],
  ["arg#0 should be `struct __sk_buff *`", pointing((t) => t.struct("s"), "ctx")],
  ["arg#0 should be `struct __sk_buff *`", pointing((t) => t.struct("sk_buff"), "ctx")],
  ["arg#0 should be `struct pt_regs *`", pointing((t) => t.small, "ctx"), "kprobe"],
  ["arg#0 should be `struct pt_regs *`", pointing((t) => t.struct("bpf_user_pt_regs_t"), "ctx"), "kprobe"],
  ["arg#0 should be `struct bpf_raw_tracepoint_args *`", pointing((t) => t.small, "ctx"), "raw_tracepoint"],
  ["arg#0 type doesn't have a name", pointing((t) => t.struct(""), "ctx"), "kprobe"],
  ["arg#0 type doesn't have a name", pointing((t) => t.array(), "ctx"), "tracepoint"],
  ["R1 type=ctx expected=ptr_, trusted_ptr_, rcu_ptr_", pointing((t) => t.struct("task_struct"), "trusted")],
  ["R1 type=ctx expected=fp", pointing((t) => t.small)],
  ["invalid bpf_context access off=3 size=1", pointing((t) => t.small), "tracepoint"],
  ["invalid bpf_context access off=3 size=1", pointing((t) => t.struct("user_pt_regs")), "kprobe"],
];

const TAKEN: Case[] = [
  ["the context", pointing(context)],
  ["the context under another name", pointing((t) => t.typedef("skb_t", context(t)))],
  ["the context under the kernel's name", pointing((t) => t.struct("sk_buff"))],
  ["any address with the tag", pointing(() => 0, "ctx")],
  ["the registers", pointing((t) => t.struct("pt_regs"), "ctx"), "kprobe"],
  [
    "the registers' typedef",
    pointing((t) => t.typedef("bpf_user_pt_regs_t", t.struct("pt_regs")), "ctx"),
    "perf_event",
  ],
  ["a structure called like the registers' typedef", pointing((t) => t.struct("bpf_user_pt_regs_t")), "kprobe"],
  ["words with the tag", pointing((t) => t.word, "ctx"), "raw_tracepoint"],
  ["any structure with the tag", pointing((t) => t.struct("s"), "ctx"), "tracepoint"],
  ["any structure of a system call", pointing((t) => t.struct("s")), "syscall"],
];

describe("signatures of global functions", () => {
  it.each<Case>(REFUSED)("%s", (message, sign, type) => {
    const { rejection } = calling(sign, type);
    expect(rejection?.message).toBe(`${message}\nCaller passes invalid args into func#1 ('f')`);
  });

  it("let numbers pass for addresses in the arena, so that a function casts them first", () => {
    const arena = pointing((t) => t.small, "arena");
    const text = "r1 = 8\ncall f\nexit\nf:\nr0 = *(u32 *)(r1 + 0)\nexit";
    expect(calling(arena, "sched_cls", text).rejection?.message).toBe("R1 invalid mem access 'scalar'");
  });

  it.each<Case>(TAKEN)("take %s", (_, sign, type) => {
    expect(calling(sign, type).rejection).toBeUndefined();
  });
});

it("functions without types are verified with their callers, whatever their symbols say", () => {
  // What the callee may do with its argument follows from the caller's stack alone.
  const text = "*(u64 *)(r10 - 8) = 1\nr1 = r10\nr1 += -8\ncall f\nr0 = 0\nexit\nf:\nr0 = *(u64 *)(r1 + 0)\nexit";
  const functions = ["main", "f"].map((name, n) => ({ pc: 6 * n, name, linkage: "global" as const }));
  expect(verdictOf(text, { functions }).rejection).toBeUndefined();
});

/** A program whose entry names an exception callback, and the `f` behind it. */
const throwing = (
  names: readonly string[],
  { text = "", takes = (t: Types) => [t.word], linkage = "global" as "global" | "static", result = 0 } = {},
) => {
  const all = types();
  const { btf, small } = all;
  const takesTypes = (list: readonly number[]) =>
    btf.add({ kind: "func_proto", returnType: small, parameters: list.map((id) => ({ name: "p", type: id })) });
  const main = btf.add({ kind: "func", name: "main", type: takesTypes([]), linkage: "global" });
  const f = btf.add({ kind: "func", name: "f", type: takesTypes(takes(all)), linkage });
  for (const name of names) {
    const tag = `exception_callback:${name}`;
    btf.add({ kind: "decl_tag", name: tag, type: main, component: -1, attribute: false });
  }
  const pc = 2 + text.split("\n").length - 1;
  return verdictOf(`${text}r0 = 0\nexit\nf:\nr0 = ${result}\nexit`, {
    type: "cgroup_skb",
    attachType: "cgroup_inet_ingress",
    btf: btf.build(),
    functions: [
      { pc: 0, name: "main", typeId: main, linkage: "global" },
      { pc, name: "f", typeId: f, linkage },
    ],
  });
};

describe("exception callbacks", () => {
  it("are walked although nothing calls them, and return what the program returns", () => {
    expect(throwing(["f"]).verdict).toBe("accept");
    expect(throwing(["f"], { result: 77 }).rejection?.message).toBe(
      "At program exit the register R0 has smin=77 smax=77 should have been in [0, 1]",
    );
  });

  it.each<[string, Parameters<typeof throwing>]>([
    ["multiple exception callback tags for main subprog", [["f", "main"]]],
    ["exception callback 'g' could not be found in BTF", [["g"]]],
    ["exception callback 'f' must have global linkage", [["f"], { linkage: "static" }]],
    ["invalid exception callback insn_off in func_info: 0", [["main"]]],
    ["exception cb only supports single integer argument", [["f"], { takes: (t) => [t.word, t.word] }]],
    ["exception cb only supports single integer argument", [["f"], { takes: (t) => [t.pointer(t.word)] }]],
    ["insn 1 cannot call exception cb directly", [["f"], { text: "r1 = 0\ncall f\n" }]],
  ])("%s", (message, [names, options]) => {
    expect(throwing(names, options).rejection?.message).toBe(message);
  });
});
