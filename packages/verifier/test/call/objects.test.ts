import { BtfBuilder } from "@ebpf/btf";
import type { MapSpec, ProgramSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { verify } from "../../src/index.js";
import { MAPS, program } from "../programs.js";

/*
 * Objects that helpers make and give back: dynptrs, locks, timers, arenas. Verdicts and messages are what Linux 6.18.44 said
 * when it was given the same programs; those with callbacks it only takes with types, so their messages are from the
 * recorded selftests.
 */

/** A hash map whose values are 16 bytes with a structure of the kernel's at their start. */
const mapWith = (type: string, size: number): MapSpec => {
  const types = new BtfBuilder();
  const word = types.add({ kind: "int", name: "int", size: 4, encoding: "signed", bits: 32, bitOffset: 0 });
  const members = [{ name: "val", type: word, bitOffset: 0, bitSize: 0 }];
  const inner = types.add({ kind: "struct", name: type, size, members });
  const value = types.add({
    kind: "struct",
    name: "value",
    size: 16,
    members: [{ name: "special", type: inner, bitOffset: 0, bitSize: 0 }],
  });
  return { ...MAPS.hash, btf: { btf: types.build(), keyTypeId: word, valueTypeId: value } };
};

const classifier = (map: MapSpec): Partial<ProgramSpec> => ({ type: "sched_cls", maps: new Map([[1, map]]) });
const LOCKED = classifier(mapWith("bpf_spin_lock", 4));
const TIMED = classifier(mapWith("bpf_timer", 16));
const ARENA = classifier({ ...MAPS.hash, name: "arena", type: "arena", keySize: 0, valueSize: 0, flags: 1 << 10 });

const END = "\nr0 = 0\nexit";
const AT = "r1 = r10\nr1 += -16\n";
const RESERVE = "r1 = map ringbuf\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr\n";
const SUBMIT = `${AT}r2 = 0\ncall ringbuf_submit_dynptr\n`;
const SLICE = `${AT}r2 = 0\nr3 = 8\ncall dynptr_data\n`;
const FOUND =
  "*(u32 *)(r10 - 4) = 1\nr1 = map hash\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif r0 == 0 goto out\nr6 = r0\n";
const LOCK = "r1 = r6\ncall spin_lock\n";
const UNLOCK = "r1 = r6\ncall spin_unlock\n";

const ACCEPTED: readonly (readonly [name: string, text: string, spec?: Partial<ProgramSpec>])[] = [
  [
    "a record is reserved, written through a slice, and submitted",
    `${RESERVE}${SLICE}if r0 == 0 goto out\n*(u64 *)(r0 + 0) = 1\nout:\n${SUBMIT}${END}`,
  ],
  [
    "a dynptr of a map's value may be written over",
    `r1 = value array\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem\n*(u64 *)(r10 - 8) = 0${END}`,
  ],
  ["one lock at a time", `${FOUND}${LOCK}${UNLOCK}${LOCK}${UNLOCK}out:${END}`, LOCKED],
  [
    "a cast number is a pointer into the arena",
    `r1 = map hash\nr1 = 4096\nr1 = addr_space_cast(r1, 0, 1)\nr1 += 8\n*(u64 *)(r1 + 0) = 1${END}`,
    ARENA,
  ],
  [
    "a callback reads user records",
    `r1 = map user\nr2 = func ll\nr3 = 0\nr4 = 0\ncall user_ringbuf_drain${END}\nfunc:\nr3 = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr4 = 0\nr5 = 0\ncall dynptr_read${END}`,
  ],
];

const REJECTED: readonly (readonly [name: string, text: string, message: string, spec?: Partial<ProgramSpec>])[] = [
  [
    "a record that isn't given back",
    `${RESERVE}${END}`,
    "Unreleased reference id=2 alloc_insn=6\nBPF_EXIT instruction in main prog would lead to reference leak",
  ],
  [
    "a record that is written over",
    `${RESERVE}*(u64 *)(r10 - 8) = 0\n${SUBMIT}${END}`,
    "cannot overwrite referenced dynptr",
  ],
  [
    "a dynptr that is read",
    `${RESERVE}r7 = *(u64 *)(r10 - 16)\n${SUBMIT}${END}`,
    "invalid read from stack off -16+0 size 8",
  ],
  [
    "a dynptr between slots",
    `r1 = map ringbuf\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -12\ncall ringbuf_reserve_dynptr${END}`,
    "cannot pass in dynptr at an offset=-12\nDynptr has to be an uninitialized dynptr",
  ],
  [
    "a helper's buffer over a dynptr",
    `${RESERVE}${AT}r2 = 16\ncall get_current_comm\n${SUBMIT}${END}`,
    "potential write to dynptr at off=-16 disallowed",
  ],
  [
    "a slice of a record that is gone",
    `${RESERVE}${SLICE}if r0 == 0 goto out\nr6 = r0\n${SUBMIT}*(u64 *)(r6 + 0) = 1${END}\nout:\n${SUBMIT}${END}`,
    "R6 invalid mem access 'scalar'",
  ],
  [
    "a slice that may be NULL",
    `${RESERVE}${SLICE}*(u64 *)(r0 + 0) = 1\n${SUBMIT}${END}`,
    "R0 invalid mem access 'mem_or_null'",
  ],
  ["a record that is given back twice", `${RESERVE}${SUBMIT}${SUBMIT}${END}`, "arg 1 is an unacquired reference"],
  [
    "a dynptr of the stack",
    `r1 = r10\nr1 += -32\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem${END}`,
    "Unsupported reg type fp for bpf_dynptr_from_mem data",
  ],
  [
    "a lock that is kept",
    `${FOUND}${LOCK}out:${END}`,
    "BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region",
    LOCKED,
  ],
  [
    "a call while a lock is held",
    `${FOUND}${LOCK}call get_prandom_u32\n${UNLOCK}out:${END}`,
    "function calls are not allowed while holding a lock",
    LOCKED,
  ],
  ["an unlock without a lock", `${FOUND}${UNLOCK}out:${END}`, "bpf_spin_unlock without taking a lock", LOCKED],
  [
    "a lock that is read",
    `${FOUND}r1 = *(u32 *)(r6 + 0)\nout:${END}`,
    "bpf_spin_lock cannot be accessed directly by load/store",
    LOCKED,
  ],
  [
    "a pointer beside the timer",
    `${FOUND}r1 = r6\nr1 += 8\ncall timer_cancel\nout:${END}`,
    "off 8 doesn't point to 'struct bpf_timer' that is at 0",
    TIMED,
  ],
  [
    "a cast without an arena",
    `r1 = addr_space_cast(r1, 0, 1)${END}`,
    "addr_space_cast insn can only be used in a program that has an associated arena",
  ],
];

const USER: MapSpec = { name: "user", type: "user_ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 };

/** `map user` is an unknown name, whose handle is 99. */
const specOf = (text: string, spec: Partial<ProgramSpec> = {}): ProgramSpec => {
  const built = program(text, spec);
  return spec.maps === undefined ? { ...built, maps: new Map([...built.maps, [99, USER]]) } : built;
};

describe("objects that helpers make", () => {
  for (const [name, text, spec] of ACCEPTED) {
    it(`accepts: ${name}`, () => {
      expect(verify(specOf(text, spec)).rejection).toBeUndefined();
    });
  }

  for (const [name, text, message, spec] of REJECTED) {
    it(`rejects: ${name}`, () => {
      expect(verify(specOf(text, spec)).rejection?.message).toBe(message);
    });
  }
});

describe("functions that run later", () => {
  const arm = (result: number) =>
    `${FOUND}r1 = r6\nr2 = func ll\ncall timer_set_callback\nout:${END}\nfunc:\nr0 = ${result}\nexit`;

  it("are walked by themselves, and return 0", () => {
    expect(verify(specOf(arm(0), TIMED)).rejection).toBeUndefined();
    expect(verify(specOf(arm(1), TIMED)).rejection?.message).toBe(
      "At async callback return the register R0 has smin=1 smax=1 should have been in [0, 0]",
    );
  });
});
