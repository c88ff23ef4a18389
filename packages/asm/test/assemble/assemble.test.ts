import { describe, expect, it } from "vitest";
import { type AsmError, type AssembleOptions, assemble, disassemble } from "../../src/index.js";

const kernel = (text: string, options: Partial<AssembleOptions> = {}) =>
  assemble(text, { dialect: "kernel", ...options });

const words = (bytes: Uint8Array | undefined) =>
  [...new BigUint64Array(bytes!.slice().buffer)].map((word) => word.toString(16).padStart(16, "0"));

const failure = (text: string, options: AssembleOptions): AsmError => {
  try {
    assemble(text, options);
  } catch (error) {
    return error as AsmError;
  }
  throw new Error(`"${text}" assembled`);
};

describe("assemble", () => {
  it("makes sections, symbols and relocations of the text of an object", () => {
    const assembly = kernel(`
      .text
      .type helper,@function
    helper:
      r0 = table ll
      exit
    .Lend:
      .size helper, .Lend-helper
      .section xdp,"ax",@progbits
      .globl prog
      .type prog,@function
    prog:
      call helper
      call other
      r1 = table+8 ll
      r2 = .Llocal ll
      exit
      .section .maps,"aw",@progbits
      .globl table
      .type table,@object
    table:
      .quad prog
      .zero 8
    .Llocal:
      .long 7
    `);
    expect(assembly.sections.map(({ name, executable, bytes }) => [name, executable, bytes.length])).toEqual([
      [".text", true, 24],
      ["xdp", true, 56],
      [".maps", false, 20],
    ]);
    expect(assembly.symbols).toEqual([
      { name: "helper", section: ".text", offset: 0, size: 24, binding: "local", type: "function" },
      { name: "prog", section: "xdp", offset: 0, size: 0, binding: "global", type: "function" },
      { name: "table", section: ".maps", offset: 0, size: 0, binding: "global", type: "object" },
      { name: "other", section: undefined, offset: 0, size: 0, binding: "global", type: "none" },
    ]);
    expect(assembly.relocations).toEqual([
      { section: ".text", offset: 0, kind: "imm64", symbol: "table", addend: 0n },
      { section: "xdp", offset: 0, kind: "call", symbol: "helper", addend: 0n },
      { section: "xdp", offset: 8, kind: "call", symbol: "other", addend: 0n },
      { section: "xdp", offset: 16, kind: "imm64", symbol: "table", addend: 8n },
      { section: "xdp", offset: 32, kind: "imm64", symbol: ".maps", addend: 16n },
      { section: ".maps", offset: 0, kind: "abs64", symbol: "prog", addend: 0n },
    ]);
    expect(words(assembly.sections[1]?.bytes)).toEqual([
      "ffffffff00001085",
      "ffffffff00001085",
      "0000000800000118",
      "0000000000000000",
      "0000001000000218",
      "0000000000000000",
      "0000000000000095",
    ]);
    expect(assembly.sections[0]?.lines).toEqual([5, 0, 6]);
  });

  it("calls labels, then helpers by name, then symbols of others", () => {
    const helpers = (name: string) => (name === "ktime" || name === "own" ? 5 : undefined);
    const { sections, relocations } = kernel("call ktime\ncall own\ncall far\nexit\nown: exit", { helpers });
    expect(sections[0]?.instructions.map((slot) => [slot.op.name, slot.imm])).toEqual([
      ["call", 5],
      ["call_local", 2],
      ["call_local", -1],
      ["exit", 0],
      ["exit", 0],
    ]);
    expect(relocations.map(({ offset, symbol }) => [offset, symbol])).toEqual([[16, "far"]]);
  });

  it("takes the values of names from outside of the text", () => {
    const { sections } = kernel("r1 = LIMIT\nr2 = LIMIT*2 ll", { symbols: { LIMIT: 40 } });
    expect(words(sections[0]?.bytes)).toEqual(["00000028000001b7", "0000005000000218", "0000000000000000"]);
  });

  it("reads a verifier's log and a disassembler's listing", () => {
    const log = `
; int prog(struct xdp_md *ctx) @ prog.c:7
0: (b7) r1 = 1                        ; R1_w=1
1: (85) call bpf_ktime_get_ns#5       ; R0_w=scalar()
2: (05) goto pc+3
       3:	if r1 s> 0x5 goto -0x4 <prog>
       4:	gotol +0x0 <prog+0x28>`;
    expect(words(kernel(log).sections[0]?.bytes)).toEqual([
      "00000001000001b7",
      "0000000500000085",
      "0000000000030005",
      "00000005fffc0165",
      "0000000000000006",
    ]);
  });

  it("keeps local labels apart from quoted names", () => {
    const { sections, relocations } = kernel('1: r1 = "1:1" ll\ngoto 1b');
    expect(relocations.map(({ symbol }) => symbol)).toEqual(["1:1"]);
    expect(sections[0]?.instructions[2]?.offset).toBe(-3);
  });

  it("stores in big-endian order when asked", () => {
    const { sections } = kernel("r1 = *(u16 *)(r2 - 2)\n.long 1\n.short 2, 3", { order: "big" });
    expect([...sections[0]!.bytes]).toEqual([0x69, 0x12, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3]);
  });

  it("defines the label exit in the dialect ubpf only, and only when the text does not", () => {
    const target = (text: string) => assemble(text, { dialect: "ubpf" }).sections[0]?.instructions[0]?.offset;
    expect(target("ja exit\nmov %r0, 1\nexit\nexit")).toBe(1);
    expect(target("ja exit\nexit\nexit: exit")).toBe(1);
    expect(failure("goto exit\nexit", { dialect: "kernel" }).code).toBe("UNDEFINED_SYMBOL");
  });

  it("writes out what it reads", () => {
    const text = "\tr1 = table ll\n\tif r1 == 0x0 goto out\n\tcall f\nout:\n\texit\nf:\n\tcall g\n\texit\n";
    const { sections, symbols, relocations } = kernel(text);
    const names = symbols.flatMap((symbol) => (symbol.section ? [[symbol.offset / 8, symbol.name] as const] : []));
    const written = disassemble(sections[0]!.instructions, {
      dialect: "kernel",
      symbols: new Map(names),
      relocations: new Map(relocations.map(({ offset, symbol }) => [offset / 8, symbol])),
    });
    expect(written).toBe(text);
  });
});

describe("the instruction set version", () => {
  it.each([
    ["v1", "if r1 < 5 goto +1"],
    ["v2", "if w1 == 5 goto +1"],
    ["v2", "r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)"],
    ["v3", "r1 s/= 2"],
    ["v3", "gotol +1"],
    ["v3", "r1 = bswap16 r1"],
    ["v3", "r1 = (s8)r1"],
    ["v3", "r1 = *(s8 *)(r1 + 0)"],
  ] as const)("%s does not have %s, and the next one does", (cpu, text) => {
    const error = failure(`exit\n  ${text}`, { dialect: "kernel", cpu });
    expect(error).toMatchObject({ code: "CPU_VERSION", place: { line: 2, column: 3 } });
    const next = { v1: "v2", v2: "v3", v3: "v4" } as const;
    expect(kernel(text, { cpu: next[cpu] }).sections[0]?.instructions).toHaveLength(1);
  });
});

it("takes no instruction of another dialect for a name that gets a value", () => {
  expect(() => assemble("r0 = 2\nexit", { dialect: "gas" })).toThrow(/r0 is a register's name/);
  expect(assemble("rx = 2\nmov %r0, rx", { dialect: "gas" }).sections[0]!.instructions).toMatchObject([{ imm: 2 }]);
});

describe("a text with a mistake", () => {
  it.each([
    ["r1 = ", "SYNTAX", 1, 4, "="],
    ["exit\n  bogus r1", "UNKNOWN_MNEMONIC", 2, 3, "bogus"],
    ["r1 += r11", "SYNTAX", 1, 7, "r11"],
    ["r1 = 0x100000000", "OUT_OF_RANGE", 1, 6, "0x100000000"],
    ["r1 = *(u8 *)(r2 + 40000)", "OUT_OF_RANGE", 1, 17, "+"],
    ["goto nowhere", "UNDEFINED_SYMBOL", 1, 6, "nowhere"],
    ["a: exit\na: exit", "DUPLICATE_SYMBOL", 2, 1, "a"],
    [".set a, 1\n.set a, 2", "DUPLICATE_SYMBOL", 2, 6, "a"],
    ["exit\n.set w10, 2", "SYNTAX", 2, 6, "w10"],
    ["r1 = -r2", "SYNTAX", 1, 1, "r1"],
    [".bogus 5", "UNKNOWN_MNEMONIC", 1, 1, ".bogus"],
    [".long ,", "SYNTAX", 1, 7, ","],
    ["r1 =", "SYNTAX", 1, 4, "="],
    ['.ascii "abc', "SYNTAX", 1, 8, '"'],
    [".byte 256", "OUT_OF_RANGE", 1, 7, "256"],
    [".zero 0x7fffffffffffffff", "OUT_OF_RANGE", 1, 1, ".zero"],
    [".set a, b\n.set b, a\nr1 = a", "SYNTAX", 3, 6, "a"],
    ["r1 = 5/0", "SYNTAX", 1, 6, "5"],
    ["r1 = x*2\nx: exit", "SYNTAX", 1, 6, "x"],
    ["goto .+4", "OUT_OF_RANGE", 1, 6, "."],
    ['.section a,"ax"\nx: exit\n.section b,"ax"\ngoto x', "OUT_OF_RANGE", 4, 6, "x"],
    ["r1 = .Lgone ll", "UNDEFINED_SYMBOL", 1, 6, ".Lgone"],
    [".zero size\n.set size, 8", "UNDEFINED_SYMBOL", 1, 7, "size"],
    ["call 1f", "UNDEFINED_SYMBOL", 1, 6, "1f"],
    ["r1 = subprog[f]", "UNDEFINED_SYMBOL", 1, 14, "f"],
    ["exit\n.byte 1\nexit", "BAD_LENGTH", 3, 1, "exit"],
    ["(b7) r1 += 1", "SYNTAX", 1, 12, "1"],
    ["r1 = \u20ac", "SYNTAX", 1, 6, "\u20ac"],
    ["r1 = 5 /* no end", "SYNTAX", 1, 8, "/*"],
  ])("%j gives %s at its place", (text, code, line, column, offending) => {
    const error = failure(text, { dialect: "kernel" });
    expect(error).toMatchObject({ code, place: { line, column }, text: offending });
  });

  it("names the file when there is one", () => {
    const error = failure("exit\nbogus", { dialect: "kernel", file: "in.s" });
    expect(error).toMatchObject({
      code: "UNKNOWN_MNEMONIC",
      place: { file: "in.s", line: 2, column: 1 },
      text: "bogus",
    });
    expect(error.message).toMatch(/^in\.s:2:1: /);
  });

  it("names the label that a far jump can't reach", () => {
    const error = failure(`goto end\n.zero 0x80000\nend: exit`, { dialect: "kernel" });
    expect(error).toMatchObject({ code: "OUT_OF_RANGE", text: "end" });
  });

  it("says that code must be whole slots", () => {
    expect(failure("exit\n.byte 1", { dialect: "kernel" })).toMatchObject({ code: "BAD_LENGTH" });
  });
});
