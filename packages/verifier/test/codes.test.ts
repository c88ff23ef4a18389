import { existsSync, readFileSync } from "node:fs";
import { decode, findOperation, type Instruction, instruction, rawInstruction, wideInstruction } from "@ebpf/asm";
import { BtfBuilder } from "@ebpf/btf";
import { linux, type MapSpec, type ProgramSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { CODES, type RejectionCode, type VerifyOptions, verify } from "../src/index.js";
import { instructions, MAPS, program } from "./programs.js";

/** A minimal failing program, and what makes it fail where that is not its text. */
interface Failing {
  readonly text?: string;
  readonly spec?: Partial<ProgramSpec>;
  readonly options?: VerifyOptions;
}

const END = "\nr0 = 0\nexit";
const LOOK_UP = "*(u32 *)(r10 - 4) = 1\nr1 = map hash\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n";
const FOUND = `${LOOK_UP}if r0 == 0 goto out\n`;
const RESERVE = "r1 = map ringbuf\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto out\n";

const op = (name: string) => findOperation(name)!;

const withLimits = (limits: Partial<typeof linux.limits>): VerifyOptions => ({
  platform: { ...linux, limits: { ...linux.limits, ...limits } },
});

/** A map whose value is a structure with one member of a type that belongs to the kernel. */
const specialMap = (type: string, more: Partial<MapSpec> = {}): MapSpec => {
  const types = new BtfBuilder();
  const number = types.add({ kind: "int", name: "int", size: 4, encoding: "signed", bits: 32, bitOffset: 0 });
  const inner = types.add({
    kind: "struct",
    name: type,
    size: 4,
    members: [{ name: "val", type: number, bitOffset: 0, bitSize: 0 }],
  });
  const value = types.add({
    kind: "struct",
    name: "value",
    size: 16,
    members: [{ name: "special", type: inner, bitOffset: 0, bitSize: 0 }],
  });
  return { ...MAPS.hash, btf: { btf: types.build(), valueTypeId: value }, ...more };
};

const withMap = (map: MapSpec): Partial<ProgramSpec> => ({ maps: new Map([[1, map]]) });

/** Types of a program whose entry names a function, which stands at pc 4, as the one to run when it throws. */
const throwingTo = (name: string): Partial<ProgramSpec> => {
  const types = new BtfBuilder();
  const number = types.add({ kind: "int", name: "long", size: 8, encoding: "signed", bits: 64, bitOffset: 0 });
  const takes = (parameters: number[]) =>
    types.add({
      kind: "func_proto",
      returnType: number,
      parameters: parameters.map((type) => ({ name: "cookie", type })),
    });
  const main = types.add({ kind: "func", name: "main", type: takes([]), linkage: "global" });
  const callback = types.add({ kind: "func", name: "f", type: takes([number]), linkage: "global" });
  types.add({
    kind: "decl_tag",
    name: `exception_callback:${name}`,
    type: main,
    component: -1,
    attribute: false,
  });
  return {
    btf: types.build(),
    functions: [
      { pc: 0, name: "main", typeId: main, linkage: "global" },
      { pc: 4, name: "f", typeId: callback, linkage: "global" },
    ],
  };
};

/** Types of a program whose function at pc 3 takes a pointer that may be any address. */
const functionOfAnyAddress = (): Partial<ProgramSpec> => {
  const types = new BtfBuilder();
  const number = types.add({ kind: "int", name: "long", size: 8, encoding: "signed", bits: 64, bitOffset: 0 });
  const pointer = types.add({ kind: "ptr", type: number });
  const prototype = types.add({ kind: "func_proto", returnType: number, parameters: [{ name: "a", type: pointer }] });
  const typeId = types.add({ kind: "func", name: "f", type: prototype, linkage: "global" });
  types.add({ kind: "decl_tag", name: "arg:untrusted", type: typeId, component: 0, attribute: false });
  return { btf: types.build(), functions: [{ pc: 3, name: "f", typeId, linkage: "global" }] };
};

/** Types of a program whose function at pc 3 returns nothing. */
const voidFunction = (): Partial<ProgramSpec> => {
  const types = new BtfBuilder();
  const prototype = types.add({ kind: "func_proto", returnType: 0, parameters: [] });
  const typeId = types.add({ kind: "func", name: "f", type: prototype, linkage: "global" });
  return { btf: types.build(), functions: [{ pc: 3, name: "f", typeId, linkage: "global" }] };
};

const chain = (depth: number, body: string): string => {
  const functions = Array.from(
    { length: depth },
    (_, n) => `f${n}:\n${body}\n${n + 1 < depth ? `call f${n + 1}\n` : ""}exit`,
  );
  return `call f0${END}\n${functions.join("\n")}`;
};

const FAILING: Record<RejectionCode, Failing> = {
  EMPTY_PROGRAM: { spec: { instructions: [] } },
  PROGRAM_TOO_LARGE: { text: `r0 = 0\nexit`, options: withLimits({ programSlots: 1 }) },
  JUMP_OUT_OF_RANGE: { spec: { instructions: [instruction(op("ja"), { offset: 5 }), instruction(op("exit"))] } },
  JUMP_INTO_WIDE: {
    spec: {
      instructions: [
        instruction(op("jeq64_imm"), { dst: 1, offset: 1 }),
        ...wideInstruction(op("lddw"), 0, 1, 2),
        instruction(op("exit")),
      ],
    },
  },
  UNREACHABLE: { text: `r0 = 0\nexit\nr0 = 1\nexit` },
  FALL_THROUGH: { text: "r0 = 0" },
  BAD_INSTRUCTION: { spec: { instructions: [rawInstruction(0xff, {}), instruction(op("exit"))] } },
  NO_RESULT: {
    text: `call f${END}\nf:\nr0 = 0\nif r0 == 0 goto +1\ncall tail_call\nexit`,
    spec: voidFunction(),
  },
  BAD_EXCEPTION_CALLBACK: { text: `r1 = 0\ncall f${END}\nf:${END}`, spec: throwingTo("f") },
  BAD_SIGNATURE: { text: `call f${END}\nf:${END}`, spec: voidFunction() },
  TOO_MANY_SUBPROGRAMS: { text: `call f${END}\nf:\nexit`, options: withLimits({ subprograms: 1 }) },
  UNKNOWN_MAP: { text: `r1 = map nothing${END}` },
  BAD_MAP_VALUE_OFFSET: { text: `r1 = value array+16${END}` },
  MAP_NOT_ALLOWED: {
    text: `r1 = map hash${END}`,
    spec: { type: "kprobe", ...withMap(specialMap("bpf_spin_lock")) },
  },
  TOO_MANY_MAPS: { text: `r1 = map hash\nr1 = map array${END}`, options: withLimits({ maps: 1 }) },
  UNINITIALIZED_REGISTER: { text: `r0 = r3\nexit` },
  FRAME_POINTER_WRITE: { text: `r10 = 0${END}` },
  DIVISION_BY_ZERO: { text: `r0 = 1\nr0 /= 0\nexit` },
  BAD_SHIFT: { text: `r0 = 1\nr0 <<= 64\nexit` },
  POINTER_ARITHMETIC: { text: `r1 *= 2${END}` },
  POINTER_OUT_OF_BOUNDS: { text: `r1 = r10\nr1 += 0x20000000${END}` },
  NOT_A_POINTER: { text: `r1 = 5\nr0 = *(u8 *)(r1 + 0)${END}` },
  NULLABLE_POINTER: { text: `${LOOK_UP}r0 = *(u8 *)(r0 + 0)${END}` },
  OUT_OF_BOUNDS: { text: `${FOUND}r1 = *(u64 *)(r0 + 16)\nout:${END}` },
  NEGATIVE_OFFSET: {
    text: `${FOUND}r2 = *(s8 *)(r0 + 0)\nr0 += r2\nr1 = *(u8 *)(r0 + 0)\nout:${END}`,
  },
  UNBOUNDED_OFFSET: { text: `${FOUND}r2 = *(u32 *)(r0 + 0)\nr0 += r2\nr1 = *(u8 *)(r0 + 0)\nout:${END}` },
  PACKET_OUT_OF_BOUNDS: { text: `r2 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 0)${END}` },
  PACKET_WRITE: {
    text: `r2 = *(u32 *)(r1 + 76)\n*(u8 *)(r2 + 0) = 1${END}`,
    spec: { type: "cgroup_skb", attachType: "cgroup_inet_ingress" },
  },
  STACK_OUT_OF_BOUNDS: { text: `*(u64 *)(r10 - 520) = 0${END}` },
  STACK_TOO_DEEP: { text: chain(2, "*(u64 *)(r10 - 300) = 0").replaceAll("- 300", "- 304") },
  MISALIGNED: { text: `*(u64 *)(r10 - 12) = 0${END}` },
  BAD_SPILL: { text: `*(u32 *)(r10 - 8) = r1${END}` },
  STACK_POINTER_ESCAPE: { text: `call f${END}\nf:\nr0 = r10\nexit` },
  CONTEXT_ACCESS: { text: `r0 = *(u64 *)(r1 + 0)${END}` },
  READ_ONLY: { text: `r1 = value rodata\n*(u8 *)(r1 + 0) = 0${END}` },
  WRITE_ONLY: { text: `r1 = value writeOnly\nr0 = *(u8 *)(r1 + 0)${END}` },
  SPECIAL_FIELD: {
    text: `${FOUND}r1 = *(u32 *)(r0 + 0)\nout:${END}`,
    spec: withMap(specialMap("bpf_spin_lock")),
  },
  ARENA: { text: `r1 = addr_space_cast(r1, 0, 1)${END}` },
  MIXED_POINTERS: {
    text: `r6 = r1\ncall 7\nif r0 == 0 goto use\nr6 = r10\nr6 += -8\nuse:\nr0 = *(u32 *)(r6 + 0)${END}`,
  },
  ATOMIC_TARGET: { text: `r2 = 1\nlock *(u32 *)(r1 + 0) += r2${END}` },
  UNKNOWN_HELPER: { text: `call 9999${END}` },
  HELPER_NOT_ALLOWED: { text: `call skb_load_bytes${END}` },
  GPL_ONLY: { text: `call get_current_task${END}`, spec: { license: "BSD" } },
  BAD_ARGUMENT: { text: `r1 = 0\ncall map_lookup_elem${END}`.replace("call", "r2 = 0\ncall") },
  BAD_SIZE: { text: `r6 = *(u32 *)(r1 + 12)\nr1 = r10\nr1 += -8\nr2 = r6\nr2 -= 9\ncall get_current_comm${END}` },
  WRONG_MAP_TYPE: { text: `r1 = map programs\nr2 = r10\nr2 += -8\ncall map_lookup_elem${END}` },
  NOT_ACQUIRED: {
    text: `r1 = *(u64 *)(r1 + 168)\nif r1 == 0 goto out\ncall sk_release\nout:${END}`,
    spec: { type: "sched_cls" },
  },
  REFERENCE_LEAK: { text: `${RESERVE}out:${END}` },
  NO_TYPES: { text: `call f${END}\nf:\nr2 = map programs\nr3 = 0\ncall tail_call${END}` },
  BAD_DYNPTR: { text: `r1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_submit_dynptr${END}` },
  BAD_MAP_FIELD: {
    text: `${FOUND}r1 = r0\nr1 += 4\ncall spin_lock\nout:${END}`,
    spec: { ...withMap(specialMap("bpf_spin_lock")), type: "sched_cls" },
  },
  BAD_LOCK: {
    text: `${FOUND}r1 = r0\ncall spin_unlock\nout:${END}`,
    spec: { ...withMap(specialMap("bpf_spin_lock")), type: "sched_cls" },
  },
  LOCK_HELD: {
    text: `${FOUND}r1 = r0\ncall spin_lock\nout:${END}`,
    spec: { ...withMap(specialMap("bpf_spin_lock")), type: "sched_cls" },
  },
  GLOBAL_CALLBACK: {
    text: `r1 = f ll${END}\nf:${END}`,
    spec: { functions: [{ pc: 4, name: "f", typeId: 1, linkage: "global" }] },
  },
  LOST_FUNCTION: { text: `r1 = unused ll\ncall f${END}\nf:${END}\nunused:${END}` },
  CALL_DEPTH: { text: chain(8, "r0 = 0") },
  RECURSION: { text: `call f${END}\nf:\ncall f\nexit` },
  BAD_ATTACH_TYPE: { text: "r0 = 1\nexit", spec: { type: "sk_lookup", attachType: "xdp" } },
  NOT_SLEEPABLE: { text: "r0 = 1\nexit", spec: { flags: { sleepable: true } } },
  SLEEPABLE: {
    text: `r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall copy_from_user${END}`,
  },
  BAD_EXIT_VALUE: { text: "r0 = 7\nexit", spec: { type: "cgroup_skb", attachType: "cgroup_inet_ingress" } },
  REGISTER_CALL: { text: `callx r1${END}` },
  TOO_MANY_INSTRUCTIONS: { text: `r0 = 0\nexit`, options: { maxInstructions: 1 } },
  // Four comparisons of an unknown number: more than eight instructions and two jumps before the last.
  TOO_MANY_STATES: {
    text: `r6 = *(u32 *)(r1 + 12)\n${"r7 = 1\nr7 += 1\nif r6 > 1 goto +1\nr6 += 1\n".repeat(8)}r0 = 0\nexit`,
    options: { maxStates: 1 },
  },
  TOO_MANY_BRANCHES: {
    text: `r6 = *(u32 *)(r1 + 12)\nif r6 == 1 goto out\nif r6 == 2 goto out\nout:${END}`,
    options: withLimits({ pendingBranches: 1 }),
  },
  INFINITE_LOOP: { text: "r6 = *(u32 *)(r1 + 12)\nagain:\nr7 = 0\nr8 = 0\nif r6 == 0 goto again\nr0 = 0\nexit" },
  ABORTED: {
    text: "r6 = 0\nagain:\nr6 += 1\nif r6 < 100000 goto again\nr0 = 0\nexit",
    options: { shouldAbort: () => true },
  },
  UNSUPPORTED_PROGRAM_TYPE: { text: "r0 = 0\nexit", spec: { type: "struct_ops" } },
  UNSUPPORTED_HELPER: { text: `call get_current_task_btf${END}` },
  UNSUPPORTED_KFUNC: {
    spec: { instructions: [instruction(op("call_kfunc"), { imm: 5 }), instruction(op("exit"))] },
  },
  UNSUPPORTED_CALLBACK: {
    text: `*(u64 *)(r10 - 8) = r1
r1 = 1\nr2 = f ll\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop${END}
f:\nr6 = *(u64 *)(r2 + 0)\nr0 = *(u8 *)skb[0]${END}`,
    spec: { type: "socket_filter", functions: [{ pc: 0, name: "main", typeId: 1, linkage: "static" }] },
  },
  UNSUPPORTED_KERNEL_SYMBOL: {
    spec: { instructions: [...wideInstruction(op("lddw_ksym"), 1, 5, 0), ...instructions("r0 = 0\nexit")] },
  },
  UNSUPPORTED_MAP: {
    text: `${FOUND}r1 = r0\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nout:${END}`,
    spec: withMap({ ...MAPS.hash, type: "hash_of_maps" }),
  },
  UNSUPPORTED_GLOBAL_FUNCTION: {
    text: `call f${END}\nf:\nr0 = 0\nexit`,
    spec: functionOfAnyAddress(),
  },
  UNSUPPORTED_INDIRECT_JUMP: {
    spec: { instructions: [instruction(op("gotox"), { dst: 1 }), ...instructions("r0 = 0\nexit")].slice(0, 1) },
  },
  UNSUPPORTED_ACCESS: { text: `r1 = map hash\nr1 = *(u64 *)(r1 + 40)\nr0 = *(u32 *)(r1 + 0)${END}` },
};

const verdictOf = ({ text = "r0 = 0\nexit", spec, options }: Failing) => verify(program(text, spec), options);

describe("rejection codes", () => {
  for (const [code, failing] of Object.entries(FAILING)) {
    it(code, () => {
      const { verdict, rejection } = verdictOf(failing);
      expect(rejection?.code).toBe(code);
      expect(verdict).toBe("reject");
    });
  }

  it("are all explained in the docs, in order", () => {
    const path = new URL("../../../docs/verifier-codes.md", import.meta.url);
    expect(existsSync(path)).toBe(true);
    const rows = [...readFileSync(path, "utf8").matchAll(/^\| `([A-Z_]+)` \| (.*) \| (.*) \|$/gm)].map(
      ([, code, rule, hint]) => [code, rule, hint],
    );
    expect(rows).toEqual(Object.entries(CODES).map(([code, [rule, hint]]) => [code, rule, hint]));
  });
});

describe("malformed programs", () => {
  it("give a report for any bytes", () => {
    let state = 1;
    const next = (): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 16;
    };
    const verdicts = new Set<string>();
    for (let run = 0; run < 2000; run++) {
      const bytes = Uint8Array.from({ length: 8 * (1 + (next() % 8)) }, () => next() & 0xff);
      const slots: readonly Instruction[] = decode(bytes);
      verdicts.add(verify(program("r0 = 0\nexit", { instructions: slots })).verdict);
    }
    expect(verdicts).toEqual(new Set(["reject"]));
  });
});
