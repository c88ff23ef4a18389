import { describe, expect, it } from "vitest";
import { renderDiagnostic, verify, type WalkEvent } from "../src/index.js";
import { program, verdictOf } from "./programs.js";

const RETURN = "r0 = 0\nexit";

const PARSE_ETHERNET = `
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 14
  if r4 > r3 goto out
  r0 = *(u16 *)(r2 + 12)
out:
  ${RETURN}`;

/** Calls `func` back with the context. */
const LOOP = `
    *(u64 *)(r10 - 8) = r1
    r1 = 3
    r2 = func ll
    r3 = r10
    r3 += -8
    r4 = 0
    call loop
    ${RETURN}`;

const ACCEPTED: Record<string, string> = {
  "the smallest program": RETURN,
  "packet bytes behind a comparison": PARSE_ETHERNET,
  "the comparison from the other side": PARSE_ETHERNET.replace("if r4 > r3 goto out", "if r3 < r4 goto out"),
  "a variable packet offset, checked again": `
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 14
    if r4 > r3 goto out
    r5 = *(u8 *)(r2 + 0)
    r5 &= 15
    r2 += r5
    r4 = r2
    r4 += 4
    if r4 > r3 goto out
    r0 = *(u32 *)(r2 + 0)
  out: ${RETURN}`,
  "what lies behind the end, behind a pointer that has gone on from there": `
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r2 += 14
    if r2 > r3 goto behind
    ${RETURN}
  behind:
    r4 = r2
    r4 += 8
    if r4 <= r3 goto never
    ${RETURN}
  never:
    r0 = *(u8 *)(r2 + 0)
    exit`,
  "the address of a function that isn't run, in front of one that is": `
    r1 = unused ll
    call f
    ${RETURN}
  unused: ${RETURN}
  f: ${RETURN}`,
  "the address of a function that isn't run, as the only other one": `
    r1 = unused ll
    ${RETURN}
  unused: ${RETURN}`,
  "a map value behind a NULL check": `
    *(u32 *)(r10 - 4) = 1
    r1 = map hash
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 8)
    *(u64 *)(r0 + 0) = r1
  out: ${RETURN}`,
  "a look-up by a known key of an array needs no check": `
    *(u32 *)(r10 - 4) = 0
    r1 = map array
    r2 = r10
    r2 += -4
    call map_lookup_elem
    r1 = *(u64 *)(r0 + 8)
    ${RETURN}`,
  "frozen data decides branches": `
    r1 = value rodata
    r2 = *(u32 *)(r1 + 0)
    if r2 == 7 goto out
    r0 = *(u64 *)(r9 + 0)
  out: ${RETURN}`,
  "a bounded loop": `
    r6 = 0
  again:
    r6 += 1
    if r6 < 10 goto again
    ${RETURN}`,
  "a spilled pointer": `
    *(u64 *)(r10 - 8) = r1
    r6 = *(u64 *)(r10 - 8)
    r0 = *(u32 *)(r6 + 12)
    ${RETURN}`,
  "a spilled number learns with its register": `
    call get_prandom_u32
    *(u64 *)(r10 - 8) = r0
    if r0 > 7 goto out
    r1 = *(u64 *)(r10 - 8)
    r2 = r10
    r2 += -16
    r2 += r1
    r0 = *(u8 *)(r2 + 0)
  out: ${RETURN}`,
  "a record that is submitted": `
    r1 = map ringbuf
    r2 = 8
    r3 = 0
    call ringbuf_reserve
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1
    r1 = r0
    r2 = 0
    call ringbuf_submit
  out: ${RETURN}`,
  "a function of its own": `
    r1 = 5
    call double
    r0 &= 1
    exit
  double:
    r0 = r1
    r0 += r1
    exit`,
  "a function that returns nothing": `
    call nothing
    ${RETURN}
  nothing:
    exit`,
  "a callback that is called any number of times": `
    *(u64 *)(r10 - 8) = 0
    r1 = 100
    r2 = func ll
    r3 = r10
    r3 += -8
    r4 = 0
    call loop
    r0 = *(u64 *)(r10 - 8)
    ${RETURN}
  func:
    r3 = *(u64 *)(r2 + 0)
    r3 += 1
    *(u64 *)(r2 + 0) = r3
    r0 = 0
    exit`,
  "a function that a callback calls makes a tail call": `
    ${LOOP}
  func:
    r1 = *(u64 *)(r2 + 0)
    call jump
    ${RETURN}
  jump:
    r2 = map programs
    r3 = 0
    call tail_call
    ${RETURN}`,
  "may_goto ends a loop that counts nothing": `
    r6 = 0
  again:
    r6 += 1
    may_goto out
    goto again
  out: ${RETURN}`,
};

describe("a callback", () => {
  it("makes no tail call itself, because what that leaves is no result of a callback", () => {
    // Linux 6.18 says "verifier bug: callback unexpected regs 1" where the callback returns.
    const { rejection } = verdictOf(`
      ${LOOP}
    func:
      r1 = *(u64 *)(r2 + 0)
      r2 = map programs
      r3 = 0
      call tail_call
      ${RETURN}`);
    expect(rejection?.code).toBe("BAD_EXIT_VALUE");
    expect(rejection?.pc).toBe(14);
  });
});

describe("programs that Linux accepts", () => {
  for (const [name, text] of Object.entries(ACCEPTED)) {
    it(name, () => {
      const report = verdictOf(text);
      expect(report.rejection).toBeUndefined();
      expect(report.verdict).toBe("accept");
    });
  }
});

describe("the report", () => {
  it("counts what the kernel counts on a straight program", () => {
    const { statistics, subprograms } = verdictOf(`*(u64 *)(r10 - 16) = 0\n${RETURN}`);
    expect(statistics.processedInstructions).toBe(3);
    expect(subprograms).toEqual([{ name: "main", start: 0, end: 3, stackDepth: 16 }]);
  });

  it("says what each instruction accesses and which ways it goes", () => {
    const { facts } = verdictOf(PARSE_ETHERNET);
    expect(facts[0]?.regions).toEqual(["ctx"]);
    expect(facts[4]?.outcomes).toBe("both");
    expect(facts[5]?.regions).toEqual(["pkt"]);
  });

  it("names the constant map of a look-up, and no facts where no path goes", () => {
    const { facts } = verdictOf(ACCEPTED["frozen data decides branches"]!);
    expect(facts[2]).toMatchObject({ regions: ["map_value"], map: 3 });
    expect(facts[3]?.outcomes).toBe("taken");
    expect(facts[4]).toBeUndefined();
  });

  it("marks loads of stack that was never written", () => {
    expect(verdictOf(`r0 = *(u64 *)(r10 - 8)\n${RETURN}`).facts[0]?.readsUninitialized).toBe(true);
    expect(
      verdictOf(`*(u64 *)(r10 - 8) = 1\nr0 = *(u64 *)(r10 - 8)\n${RETURN}`).facts[1]?.readsUninitialized,
    ).toBeUndefined();
  });

  it("names the stack bytes that loads, stores and calls may access, and whose frame they are in", () => {
    const { facts } = verdictOf(`
      r6 = *(u32 *)(r1 + 12)
      *(u64 *)(r10 - 8) = r6
      *(u64 *)(r10 - 16) = r6
      r1 = r10
      r1 += -16
      if r6 != 1 goto +1
      r1 += 4
      *(u32 *)(r1 + 0) = 7
      call callee
      ${RETURN}
    callee:
      *(u8 *)(r1 + 1) = 7
      r0 = 0
      exit`);
    const stacks = facts.map((row) => row?.stack);
    expect(stacks[0]).toBeUndefined();
    expect(stacks[1]).toEqual({ from: -8, to: 0, owner: 0 });
    expect(stacks[7]).toEqual({ from: -16, to: -8, owner: 0 });
    expect(stacks[11]).toEqual({ from: -15, to: -10, owner: 0 });
  });

  it("leads to the rejection", () => {
    const { rejection } = verdictOf(`
      r6 = *(u32 *)(r1 + 12)
      if r6 == 1 goto bad
      ${RETURN}
    bad:
      r0 = *(u64 *)(r9 + 0)
      exit`);
    expect(rejection).toMatchObject({
      code: "UNINITIALIZED_REGISTER",
      message: "R9 !read_ok",
      pc: 4,
      registers: [9],
      path: [{ from: 1, to: 4, instruction: "(15) if r6 == 0x1 goto pc+2" }],
      instruction: "(79) r0 = *(u64 *)(r9 +0)",
    });
  });

  it("shows the C line with a caret", () => {
    const report = verify(
      program(`r0 = *(u32 *)(r1 + 1)\n${RETURN}`, {
        lines: [{ pc: 0, file: "drop.c", text: "  return ctx->data;", line: 12, column: 15 }],
      }),
    );
    const lines = renderDiagnostic(report.rejection!).split("\n");
    expect(lines[0]).toBe("CONTEXT_ACCESS: invalid bpf_context access off=1 size=4");
    expect(lines[3]).toBe("  --> drop.c:12:15");
    expect(lines[5]!.indexOf("^")).toBe(lines[4]!.indexOf("data"));
  });

  it("shows the C lines of the decisions, and helpers by name", () => {
    const text = `
      if r1 == 0 goto out
      r1 = r10
      r2 = 64
      r3 = 0
      call 4
    out:
      ${RETURN}`;
    const line = { file: "drop.c", column: 0 };
    const lines = [
      { ...line, pc: 0, text: "  if (ctx)", line: 3 },
      { ...line, pc: 4, text: "    bpf_probe_read(&x, 64, 0);", line: 4 },
    ];
    const report = verify(program(text, { type: "kprobe", lines }));
    expect(report.rejection?.instruction).toBe("(85) call bpf_probe_read#4");
    const rendered = renderDiagnostic(report.rejection!).split("\n");
    expect(rendered[rendered.indexOf("  path:") + 1]).toBe("    0 → 1  3 | if (ctx)");
  });

  it("is a plain value", () => {
    const report = verdictOf("r0 = *(u64 *)(r1 + 0)\nexit");
    expect(JSON.parse(JSON.stringify(report.rejection))).toEqual(report.rejection);
  });

  it("tells events in order", () => {
    const events: string[] = [];
    const onEvent = (event: WalkEvent): void => {
      if (event.kind === "instruction" || event.kind === "branch") events.push(`${event.kind} ${event.pc}`);
    };
    verify(program(PARSE_ETHERNET), { onEvent });
    expect(events.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5].map((pc) => `instruction ${pc}`));
    expect(events).toContain("branch 6");
  });

  it("ends when the caller says so", () => {
    const endless = "r6 = 0\nagain:\nr6 += 1\nif r6 < 1000000 goto again\nr0 = 0\nexit";
    expect(verify(program(endless), { maxInstructions: 100 }).rejection?.code).toBe("TOO_MANY_INSTRUCTIONS");
    expect(verify(program(endless), { shouldAbort: () => true }).rejection?.code).toBe("ABORTED");
  });
});

describe("byte order", () => {
  it("reads frozen data in the program's order", () => {
    const text = `r1 = value rodata\nr2 = *(u16 *)(r1 + 0)\nif r2 == 0x700 goto out\nr0 = *(u64 *)(r9 + 0)\nout: ${RETURN}`;
    expect(verdictOf(text, { byteOrder: "big" }).verdict).toBe("accept");
    expect(verdictOf(text).rejection?.code).toBe("UNINITIALIZED_REGISTER");
  });

  it("knows which part of a spilled number a narrow load reads", () => {
    const text = (offset: number) => `
      r1 = 0x1122
      *(u64 *)(r10 - 8) = r1
      r2 = *(u16 *)(r10 - ${offset})
      if r2 == 0x1122 goto out
      r0 = *(u64 *)(r9 + 0)
    out: ${RETURN}`;
    expect(verdictOf(text(8)).verdict).toBe("accept");
    expect(verdictOf(text(2)).verdict).toBe("reject");
    expect(verdictOf(text(2), { byteOrder: "big" }).verdict).toBe("accept");
    expect(verdictOf(text(8), { byteOrder: "big" }).verdict).toBe("reject");
  });
});
