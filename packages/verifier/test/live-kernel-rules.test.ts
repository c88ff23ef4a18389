import { assemble } from "@ebpf/asm";
import { MAP_FLAGS, type MapSpec, type ProgramSpec, programSpec } from "@ebpf/platform";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";

/*
 * Rules that programs made at random found when they were loaded into Linux 6.18.44. Each text is the smallest program
 * that showed the rule; the messages are the ends of what that kernel said.
 */

const map = (name: string, options: Partial<MapSpec> = {}): MapSpec => ({
  name,
  type: "array",
  keySize: 4,
  valueSize: 16,
  maxEntries: 4,
  flags: 0,
  ...options,
});

const MAPS = new Map([
  [1, map("plain")],
  [2, map("read_only", { flags: MAP_FLAGS.readOnlyProgram })],
  [3, map("nested", { type: "array_of_maps", valueSize: 4, inner: map("inner") })],
  [4, map("events", { type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096 })],
  [5, map("sockets", { type: "sockmap", valueSize: 4 })],
]);

const program = (text: string, { type = "socket_filter", ...more }: Partial<ProgramSpec> = {}): ProgramSpec =>
  programSpec(
    type,
    assemble(text, { dialect: "kernel" }).sections.find((section) => section.executable)!.instructions,
    { maps: MAPS, ...more },
  );

const KEY = "*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\n";
const VALUE = `${KEY}r1 = map[fd:1]\ncall 1\nif r0 == 0 goto out\n`;
const OUT = "\nout:\nr0 = 0\nexit";

describe("rules that the live kernel showed", () => {
  it.each<[string, string, string, Partial<ProgramSpec>?]>([
    [
      "tail calls in functions need types",
      "r2 = 0\ncall f\nr0 = 0\nexit\nf:\nr2 = map[fd:1]\nr3 = 0\ncall 12\nexit",
      "tail_call is not allowed in subprogs without BTF",
    ],
    ["syscall programs sleep", "r0 = 0\nexit", "Syscall programs can only be sleepable", { type: "syscall" }],
    [
      "atomics don't work at unknown places of the stack",
      "call 7\nr0 &= 4\nr3 = r10\nr3 += -8\nr3 += r0\nr7 = 1\nlock *(u32 *)(r3 + 0) += r7\nr0 = 0\nexit",
      "variable offset stack pointer cannot be passed into helper function; var_off=(0x0; 0x4) off=-8 size=4",
    ],
    [
      "sums with two constants tell nothing of the number",
      `call 7\nw0 &= 15\nr1 = r0\nr1 += 4\nr1 += 4\nif r1 > 8 goto out\n${KEY}r2 += r0\n` +
        `r0 = *(u8 *)(r2 + 0)${OUT}`,
      "invalid variable-offset read from stack R2 var_off=(0x0; 0xf) off=-8 size=1",
    ],
    [
      "sums of 32 bits tell nothing of sums of 64",
      `call 7\nw0 &= 15\nr1 = r0\nr3 = r0\nr1 += 1\nw3 += 1\nif r1 > 8 goto out\n${KEY}r2 += r3\n` +
        `r0 = *(u8 *)(r2 + 0)${OUT}`,
      "invalid variable-offset read from stack R2 var_off=(0x0; 0x1f) off=-8 size=1",
    ],
    [
      "a 32-bit quotient is an unknown 64-bit number",
      "call 7\nw0 /= 2\nr0 >>= 32\nexit",
      "has smin=0 smax=4294967295 should have been in [0, 1]",
      { type: "cgroup_skb" },
    ],
    [
      "a 32-bit shift by an unknown distance is an unknown 64-bit number",
      "call 7\nr6 = r0\ncall 7\nw0 >>= w6\nr0 >>= 32\nexit",
      "has smin=0 smax=4294967295 should have been in [0, 1]",
      { type: "cgroup_skb" },
    ],
    [
      "so is one by a distance of which only the low half is small",
      "call 7\nr1 = 0x1000000000 ll\nw0 <<= w1\nr0 >>= 32\nexit",
      "has smin=0 smax=4294967295 should have been in [0, 1]",
      { type: "cgroup_skb" },
    ],
    [
      "so is a 32-bit difference of a pointer and a number",
      "w1 -= 0\nr0 = r1\nr0 >>= 32\nexit",
      "has smin=0 smax=4294967295 should have been in [0, 1]",
      { type: "cgroup_skb" },
    ],
    [
      "so is one of two pointers",
      "r2 = r1\nw2 -= w1\nr0 = r2\nr0 >>= 32\nexit",
      "has smin=0 smax=4294967295 should have been in [0, 1]",
      { type: "cgroup_skb" },
    ],
    [
      "so is the negated low half of a pointer",
      "w1 = -w1\nr0 = r1\nr0 >>= 32\nexit",
      "has smin=0 smax=4294967295 should have been in [0, 1]",
      { type: "cgroup_skb" },
    ],
    [
      "a helper changes the buffer that it writes",
      "r6 = r1\n*(u64 *)(r10 - 64) = 0\nr2 = r10\nr2 += -64\nr3 = 8\nr4 = 0\ncall 69\n" +
        "r1 = *(u64 *)(r10 - 64)\nif r1 == 0 goto +1\nr0 = *(u64 *)(r10 + 8)\nr0 = 0\nexit",
      "invalid read from stack R10 off=8 size=8",
      { type: "sched_cls" },
    ],
    [
      "atomic operations are aligned",
      `${VALUE}r1 = 1\nlock *(u64 *)(r0 + 1) += r1${OUT}`,
      "misaligned value access off 0+0+1 size 8",
    ],
    [
      "an atomic fetch of a spilled pointer gives the pointer",
      "*(u64 *)(r10 - 8) = r10\nr2 = 0\nr2 = atomic_fetch_add((u64 *)(r10 - 8), r2)\nr2 *= 3\nr0 = 0\nexit",
      "R2 pointer arithmetic with *= operator prohibited",
    ],
    [
      "an address that the fetched value goes to is any number when memory is looked at",
      "r3 = r10\nr3 += -4\nr3 = atomic_fetch_and((u32 *)(r3 + 0), r3)\nr0 = 0\nexit",
      "misaligned access off (0x0; 0xffffffffffffffff)+0+0 size 4",
    ],
    [
      "also where a comparison decides whether it does",
      "r0 = r10\nr0 += -8\nr2 = 1\n*(u64 *)(r10 - 8) = 0\nr0 = cmpxchg_64(r0 + 0, r0, r2)\nr0 = 0\nexit",
      "misaligned access off (0x0; 0xffffffffffffffff)+0+0 size 8",
    ],
    [
      "programs that write into tracepoints have no stack of their own",
      "*(u64 *)(r10 - 88) = 0\ncall f\nr0 = 0\nexit\nf:\n*(u8 *)(r10 - 417) = 0\nr0 = 0\nexit",
      "combined stack size of 2 calls is 528. Too large",
      { type: "raw_tracepoint_writable" },
    ],
    [
      "packet loads take the context as it came",
      "r6 = r1\nr6 += 4\nr0 = *(u8 *)skb[4]\nexit",
      "dereference of modified ctx ptr R6 off=4 disallowed",
    ],
    [
      "programs don't put maps into maps",
      `${KEY}r1 = map[fd:3]\nr3 = r10\nr3 += -8\nr4 = 0\ncall 2\nr0 = 0\nexit`,
      "cannot pass map_type 12 into func bpf_map_update_elem#2",
    ],
    [
      "helpers don't change maps that programs may only read",
      `${KEY}r1 = map[fd:2]\nr3 = r10\nr3 += -8\n*(u64 *)(r10 - 16) = 0\nr3 += -8\nr4 = 0\ncall 2\nr0 = 0\nexit`,
      "write into map forbidden",
    ],
    [
      "keys are looked at before the type of the map: one of no bytes is not on the stack",
      "r2 = r10\nr2 += -8\nr1 = map[fd:4]\ncall 1\nr0 = 0\nexit",
      "invalid zero-sized read",
    ],
    [
      "a tail call has words of its own for a map that holds no programs",
      "r2 = map[fd:1]\nr3 = 0\ncall 12\nr0 = 0\nexit",
      "expected prog array map for tail call",
    ],
    [
      "even nothing is not written behind the stack",
      "r1 = r10\nr2 = 0\nr3 = 0\ncall 113\nr0 = 0\nexit",
      "invalid write to stack R1 off=0 size=0",
      { type: "kprobe" },
    ],
    [
      "the address of a map isn't moved by subtracting nothing",
      "r7 = map[fd:1]\nr7 -= 0\nr0 = 0\nexit",
      "R7 pointer arithmetic on map_ptr prohibited",
    ],
    [
      "bpf_get_func_ip is not for tracepoints",
      "call 173\nexit",
      "func bpf_get_func_ip#173 not supported for program type 5",
      { type: "tracepoint" },
    ],
    [
      "only some program types are sleepable",
      "r0 = 0\nexit",
      "uprobe, and struct_ops programs can be sleepable",
      { flags: { sleepable: true } },
    ],
    [
      "a key of no bytes is not in a value of a map either",
      `${VALUE}r2 = r0\nr1 = map[fd:4]\ncall 1${OUT}`,
      "invalid access to map value, value_size=16 off=0 size=0\nR2 min value is outside of the allowed memory range",
    ],
    [
      "whether a map may be written is asked before whether it goes with the helper",
      `${KEY}r2 += -8\nr1 = map[fd:2]\nr3 = 0\ncall 87\nr0 = 0\nexit`,
      "write into map forbidden",
    ],
    [
      "a map's structure is read within members",
      "r1 = map[fd:1]\nr0 = *(u64 *)(r1 + 76)\nr0 = 0\nexit",
      "access beyond the end of member max_entries (mend:80) in struct bpf_map with off 76 size 8",
    ],
    [
      "pointers in a map's structure are read whole",
      "r1 = map[fd:1]\nr0 = *(u32 *)(r1 + 40)\nr0 = 0\nexit",
      "cannot access ptr member ops with moff 40 in struct bpf_map with off 40 size 4",
    ],
    [
      "a map's structure has holes",
      "r1 = map[fd:1]\nr0 = *(u8 *)(r1 + 36)\nr0 = 0\nexit",
      "struct bpf_map doesn't have field at offset 36",
    ],
    [
      "a map's structure ends",
      "r1 = map[fd:1]\nr0 = *(u64 *)(r1 + 312)\nr0 = 0\nexit",
      "access beyond struct bpf_array at off 312 size 8",
    ],
    [
      "a map's structure is only read",
      "r1 = map[fd:1]\n*(u32 *)(r1 + 76) = 1\nr0 = 0\nexit",
      "only read from bpf_array is supported",
    ],
    [
      "a left shift whose result may have the highest bit tells no minimum (32 bits)",
      `call 7\nif w0 s< 12 goto out\nw0 <<= 1\nif w0 < 24 goto bad${OUT}\nbad:\nr0 = r9\nexit`,
      "R9 !read_ok",
    ],
    [
      "a left shift whose result may have the highest bit tells no minimum (64 bits)",
      `call 5\nif r0 s< 12 goto out\nr0 <<= 1\nif r0 < 24 goto bad${OUT}\nbad:\nr0 = r9\nexit`,
      "R9 !read_ok",
    ],
    [
      "comparing a number with a pointer tells linked numbers what is known of it, less than they knew",
      `call 5\nr9 = r0\nif r9 > 0xfffffff9 goto out\nr7 = r9\nr7 += 21\nif r7 s> r10 goto out\n` +
        `if r9 > 0xfffffff9 goto bad${OUT}\nbad:\nr0 = r8\nexit`,
      "R8 !read_ok",
    ],
    [
      "a helper works on one acquired object",
      "r1 = map[fd:4]\nr2 = 16\nr3 = 0\ncall 131\nif r0 == 0 goto out\nr6 = r0\nr1 = r6\nr2 = 8\nr3 = r6\nr4 = 8\nr5 = 0\n" +
        `call 28\nr1 = r6\nr2 = 0\ncall 132${OUT}`,
      "more than one arg with ref_obj_id R3 2 2",
      { type: "sched_cls" },
    ],
    [
      "a value of a socket map is a socket once it isn't NULL",
      `r6 = r1\n${KEY}r1 = map[fd:5]\ncall 1\nr7 = r0\nr1 = r6\nr2 = r7\nr3 = 0\ncall 124\nif r7 == 0 goto out\n` +
        `r1 = r7\ncall 86\nout:\nr0 = 1\nexit`,
      "R2 type=map_value_or_null expected=sock",
      { type: "sk_lookup", attachType: "sk_lookup" },
    ],
    [
      "a tracepoint's buffer isn't accessed before its start, whatever part of the offset leads there",
      "r7 = *(u64 *)(r1 + 0)\nr7 += -8\nr0 = *(u8 *)(r7 + 4)\nr0 = 0\nexit",
      "R7 invalid tracepoint buffer access: off=-4, size=1",
      { type: "raw_tracepoint_writable" },
    ],
    [
      "a slice that is stored over its dynptr is a number",
      `${VALUE}r1 = r0\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -32\ncall 197\nr1 = r10\nr1 += -32\nr2 = 0\nr3 = 8\ncall 203\n` +
        `if r0 == 0 goto out\n*(u64 *)(r10 - 32) = r0\nr1 = *(u64 *)(r10 - 32)\nr2 = *(u8 *)(r1 + 0)${OUT}`,
      "R1 invalid mem access 'scalar'",
    ],
    [
      "helpers that may write a value don't take socket maps",
      `r1 = map[fd:5]\nr2 = r10\nr2 += -8\ncall 89\nr0 = 0\nexit`,
      "invalid arg_type for sockmap/sockhash",
    ],
  ])("%s", (_, text, message, spec) => {
    const { verdict, rejection } = verify(program(text, spec));
    expect(verdict).toBe("reject");
    expect(rejection?.message).toContain(message);
  });

  it.each([
    ["a number", "r0 = *(u32 *)(r1 + 76)"],
    ["an array of bytes from anywhere", "r0 = *(u64 *)(r1 + 139)"],
    ["a lock in unions", "r0 = *(u8 *)(r1 + 241)"],
    ["what is the map type's own", "r0 = *(u32 *)(r1 + 296)"],
    [
      "a pointer to an object, which is no number",
      "r2 = *(u64 *)(r1 + 40)\nr2 ^= 1\nr0 = 0",
      "R2 bitwise operator ^= on pointer prohibited",
    ],
  ])("programs read of a map's structure %s", (_, text, message = "") => {
    const { rejection } = verify(program(`r1 = map[fd:1]\n${text}\nexit`));
    expect(rejection?.message ?? "").toBe(message);
  });

  it("a pointer into the entry's stack may be added to a number in a function", () => {
    const text =
      "*(u64 *)(r10 - 8) = 7\nr1 = r10\ncall f\nr0 = 0\nexit\nf:\nr2 = -8\nr2 += r1\nr0 = *(u64 *)(r2 + 0)\nexit";
    expect(verify(program(text)).verdict).toBe("accept");
    // Linux takes the function's own stack for the entry's here: no verdict of ours.
    expect(verify(program(text.replace("r2 += r1", "r2 += r10"))).rejection?.code).toBe("UNSUPPORTED_ACCESS");
  });

  it("memory that may be NULL goes to helpers that take NULL, within its size", () => {
    const checksum = (size: number): string =>
      `${KEY}r1 = map[fd:1]\ncall 1\nr1 = r0\nr2 = ${size}\nr3 = 0\nr4 = 0\nr5 = 0\ncall 28\nr0 = 0\nexit`;
    const judge = (size: number) => verify(program(checksum(size), { type: "sched_cls" }));
    expect(judge(0).verdict).toBe("accept");
    // Linux accepts this too, though the helper doesn't look for NULL: no verdict of ours.
    expect(judge(4).rejection?.code).toBe("UNSUPPORTED_HELPER");
    expect(judge(20).rejection?.message).toContain("min value is outside of the allowed memory range");
  });

  it("any helper takes a socket option's value, as far as it was compared with its end", () => {
    const judge = (bytes: number) =>
      verify(
        program(
          `r7 = *(u64 *)(r1 + 8)\nr8 = *(u64 *)(r1 + 16)\nr0 = r7\nr0 += ${bytes}\nif r0 > r8 goto out\nr1 = r7\nr2 = 8\ncall 16\n` +
            "out:\nr0 = 1\nexit",
          { type: "cgroup_sockopt", attachType: "cgroup_getsockopt" },
        ),
      );
    expect(judge(8).verdict).toBe("accept");
    expect(judge(7).rejection?.message).toContain("R1 offset is outside of the packet");
  });

  it("a sign extension that changes nothing is a copy: both learn from a comparison of one", () => {
    const text = `${VALUE}r9 = *(u8 *)(r0 + 0)
      if r9 & 0xffffffd0 goto out\nr1 = r9\nr9 = (s8)r9\nif r9 s> 0 goto out\nr0 += r1\nr7 = *(u8 *)(r0 + 15)
      out:\nr0 = 0\nexit`;
    expect(verify(program(text)).verdict).toBe("accept");
    // What has the sign bit is another number.
    expect(verify(program(text.replace("0xffffffd0", "0xffffff50"))).verdict).toBe("reject");
  });

  it("a sign-extending load of part of a spilled number extends the whole of it", () => {
    // The byte is 0, as the word is; of the 64 bits Linux knows only that, and takes it for any signed byte.
    const text = (load: string) =>
      `r7 = 0\nr8 = *(u64 *)(r10 - 64)\nif w8 > w7 goto out\n*(u8 *)(r10 - 8) = r8\nr8 = *(${load} *)(r10 - 8)
      r8 &= 31\nr2 = r10\nr2 += r8\nr0 = *(u8 *)(r2 - 20)${OUT}`;
    expect(verify(program(text("u8"))).verdict).toBe("accept");
    expect(verify(program(text("s8"))).rejection?.message).toBe(
      "invalid variable-offset read from stack R2 var_off=(0x0; 0x1f) off=-20 size=1",
    );
  });

  it("parts of the address of a writable tracepoint's buffer are numbers, but for its start", () => {
    const judge = (size: string, offset: number) =>
      verify(program(`r0 = *(${size} *)(r1 + ${offset})\nr0 = 0\nexit`, { type: "raw_tracepoint_writable" })).verdict;
    expect([judge("u8", 1), judge("s16", 6), judge("u32", 4), judge("u64", 0)]).toEqual(Array(4).fill("accept"));
    expect([judge("u8", 0), judge("u32", 0), judge("u16", 3)]).toEqual(Array(3).fill("reject"));
  });

  it("a key that is half of a known number is taken for the whole of it", () => {
    const text = (number: string, size = "u64", at = -12) =>
      `r8 = ${number} ll\n*(${size} *)(r10 - 16) = r8\nr1 = map[fd:1]\nr2 = r10\nr2 += ${at}\ncall 1\n` +
      "if r0 == 0 goto none\nr0 = 0\nexit\nnone: r0 = r9\nexit";
    for (const number of ["0", "3"]) {
      const { verdict, facts } = verify(program(text(number)));
      expect(verdict).toBe("accept");
      // What the program looks up is the half, all the same.
      expect(facts.find((fact) => fact?.entry !== undefined)?.entry).toBe(0);
    }
    for (const number of ["4", "0x100000000"]) expect(verify(program(text(number))).verdict).toBe("reject");
    // The stack has the lower half alone.
    expect(verify(program(text("3", "u32", -16))).verdict).toBe("accept");
    expect(verify(program(text("0x100000001", "u32", -16))).verdict).toBe("reject");
  });

  it("functions that only functions call which nothing calls can't be reached", () => {
    const dead = [
      "f: call f\nr0 = 0\nexit",
      "f: call g\nr0 = 0\nexit\ng: call f\nexit",
      "f: r0 = 0\nexit\ng: call f\ncall g\nexit",
    ];
    for (const functions of dead) {
      expect(verify(program(`r0 = 0\nexit\n${functions}`)).rejection?.message).toBe("unreachable insn 2");
    }
    expect(verify(program("call g\nexit\nf: call f\nr0 = 0\nexit\ng: r0 = 0\nexit")).verdict).toBe("reject");
    // A call that is never made is one.
    const text = "r0 = 0\nif r0 == 0 goto out\ncall f\nout: exit\nf: r0 = 0\nexit";
    expect(verify(program(text)).verdict).toBe("accept");
  });

  it("a sign in the low half is split at a whole AND or OR as well", () => {
    const text = (operator: string) =>
      `call 7\nw2 = w0\nw2 s>>= 31\nr2 ${operator}\nif w2 s> -1 goto out\nif w2 == -1 goto out\nw0 /= 0\nout: exit`;
    for (const operator of ["|= 0", "&= -1"]) {
      expect(verify(program(text(operator), { type: "socket_filter" })).verdict).toBe("accept");
    }
    // What lies above the low half stays unknown.
    const whole =
      "r2 = *(u64 *)(r10 - 8)\nr3 = r2\nif w2 s> 0 goto out\nif w2 s< -1 goto out\nr2 |= 0\nif w2 == 0 goto out\nif r2 == -1 goto out\nr0 = r9\nout: r0 = 0\nexit";
    expect(verify(program(whole)).verdict).toBe("reject");
  });

  it("a number with one value that agrees with its bits is that, also where its range says otherwise", () => {
    // 0 or 4, and greater than itself.
    const text = `r8 = *(s8 *)(r10 - 8)\nif r8 & -5 goto out\nif w8 > w8 goto odd\nr0 = 0\nexit
      odd: if r8 < -1 goto out\nr0 = r9\nout: r0 = 0\nexit`;
    expect(verify(program(text)).verdict).toBe("accept");
  });

  it("a number that is linked to another one at a distance of 2^29 or more moves no pointer", () => {
    const moved = (change: string) =>
      verify(program(`r6 = r1\nr8 = *(u8 *)(r10 - 8)\nr7 = r8\nr7 ${change}\nr6 += r7\nr0 = 0\nexit`));
    expect(moved("+= 536870913").rejection?.message).toBe("ctx pointer offset 536870913 is not allowed");
    expect(moved("-= 536870912").rejection?.message).toBe("ctx pointer offset -536870912 is not allowed");
    expect(moved("+= 8").verdict).toBe("accept");
  });

  it("a pointer moved by a number whose bits and range contradict each other is any number", () => {
    // 0 or 2^32, and greater than itself: what is left are bits that say 0, and no range.
    const text = (use: string) =>
      `r6 = r1\nr7 = *(u64 *)(r10 - 128)\nw7 &= 1\nr7 <<= 32\nif r7 s> r7 goto odd\nr0 = 0\nexit\nodd: ${use}\nr0 = 0\nexit`;
    for (const use of ["r6 += r7", "w6 += w7", "r6 &= r7", "r7 -= r6"]) {
      expect(verify(program(text(use))).verdict).toBe("accept");
    }
    const load = verify(program(text("r6 -= r7\nr0 = *(u32 *)(r6 + 0)"))).rejection;
    expect(load?.message).toBe("R6 invalid mem access 'scalar'");
  });

  it("a pointer added to a number doesn't stand for the record that it points into", () => {
    const reserved = (use: string) =>
      verify(
        program(
          `r1 = map[fd:4]\nr2 = 8\nr3 = 0\ncall 131\nif r0 == 0 goto out\nr7 = 0\nr7 += r0\n${use}\nout: r0 = 0\nexit`,
          { type: "sched_cls" },
        ),
      );
    expect(reserved("r1 = r7\nr2 = 0\ncall 132").rejection?.message).toBe(
      "R1 must be referenced when passed to release function",
    );
    expect(reserved("*(u64 *)(r7 + 0) = 1\nr1 = r0\nr2 = 0\ncall 132").verdict).toBe("accept");
    // Linux lets it outlive the record; that we don't.
    expect(reserved("r1 = r0\nr2 = 0\ncall 132\nr3 = *(u64 *)(r7 + 0)").verdict).toBe("reject");
  });

  it("slices of different dynptrs are different", () => {
    // A slice of the one at -24 where the first path comes from, of the one at -40, which is overwritten, from the other.
    const make = (offset: number) => `r1 = r8\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += ${offset}\ncall 197\n`;
    const slice = (offset: number) => `r1 = r10\nr1 += ${offset}\nr2 = 0\nr3 = 4\ncall 203\n`;
    const text = `${VALUE}r8 = r0\n${make(-24)}${make(-40)}call 7\nif r0 > 5 goto other\n${slice(-24)}goto join\nother: ${slice(-40)}
      join: if r0 == 0 goto out\n*(u64 *)(r10 - 40) = 0\nr1 = *(u32 *)(r0 + 0)${OUT}`;
    const { rejection } = verify(program(text, { type: "sched_cls", flags: { testStateFrequency: true } }));
    expect(rejection?.message).toBe("R0 invalid mem access 'scalar'");
  });

  it("low halves in the wrong order are bounds where they are unsigned, and none where they are signed", () => {
    // 0 or 1, and greater than itself.
    const text = (check: string) => `r8 = *(u64 *)(r10 - 8)\nif r8 & -2 goto out\nif r8 s> r8 goto odd\nr0 = 0\nexit
      odd: ${check}\nr0 = r9\nout: r0 = 0\nexit`;
    expect(verify(program(text("if r8 < -1 goto out"))).verdict).toBe("accept");
    expect(verify(program(text("if w8 < -1 goto out"))).verdict).toBe("accept");
    expect(verify(program(text("if w8 != 1 goto out"))).verdict).toBe("reject");
  });

  it("bounds that contradict each other are forgotten, known bits are not", () => {
    // A number that is 0 or has only its sign bit is not greater than itself: behind that it is said to have the bit.
    const text = `r7 = *(u64 *)(r10 - 128)\nw7 &= 0x80000000\nif w7 s> w7 goto odd\nr0 = 0\nexit
      odd: w7 >>= 31\nif w7 == 1 goto fine\nr0 = r9\nexit\nfine: r0 = 0\nexit`;
    expect(verify(program(text)).verdict).toBe("accept");
  });

  it("byte order that is the machine's own changes nothing, but for what it cuts off", () => {
    const text = (bits: number) =>
      `r7 = *(s8 *)(r10 - 1)\nr7 = le${bits} r7\nr3 = r10\nr3 += -200\nr3 += r7\nr0 = *(u8 *)(r3 + 0)\nr0 = 0\nexit`;
    expect(verify(program(text(64))).verdict).toBe("accept");
    expect(verify(program(text(32))).verdict).toBe("reject");
  });

  it("a million steps of a plain loop are refused, not walked for ever", () => {
    const { rejection, statistics } = verify(program("r6 = 0\nl:\nr6 += 1\nif r6 < 10000000 goto l\nr0 = 0\nexit"));
    expect(rejection?.code).toBe("TOO_MANY_INSTRUCTIONS");
    expect(statistics.processedInstructions).toBe(1_000_001);
    // What the kernel counts; the dropped states' paths are still open, so they count at the peak.
    expect(statistics).toMatchObject({ totalStates: 25_001, peakStates: 25_001 });
  });
});
