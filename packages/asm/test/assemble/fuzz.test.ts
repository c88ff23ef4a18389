import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AsmError, assemble, type DialectName, disassemble } from "../../src/index.js";
import { anyProgram } from "../instructions.js";

const DIALECTS: readonly DialectName[] = ["kernel", "gas", "ubpf"];

/** Pieces of every dialect, so that random texts get past the lexer and the first tokens. */
const PIECES = [
  "r1",
  "w2",
  "%r3",
  "%fp",
  "r11",
  "=",
  "+=",
  "s>>=",
  "*",
  "(",
  ")",
  "u32",
  "u64",
  "[",
  "]",
  "+",
  "-",
  "~",
  "<<",
  ">>",
  "8",
  "0x7fffffff",
  "0xffffffffffffffff",
  "99999999999999999999",
  "08",
  "0b2",
  "'a'",
  "'",
  '"s"',
  '"',
  "if",
  "goto",
  "gotol",
  "pc",
  "call",
  "local",
  "helper",
  "lock",
  "fetch",
  "add",
  "add32",
  "ldxw",
  "stdw",
  "jeq",
  "jne32",
  "lddw",
  "ll",
  "map",
  "fd",
  ":",
  ",",
  ";",
  "\n",
  "\t",
  "#",
  "//",
  "/*",
  "*/",
  "1:",
  "1b",
  "1f",
  "label",
  "label:",
  ".",
  ".quad",
  ".byte",
  ".long",
  ".set",
  ".section",
  ".text",
  ".zero",
  ".p2align",
  ".size",
  ".type",
  ".globl",
  ".asciz",
  "@function",
  "exit",
  "skb",
  "%",
  "/",
  "&",
  "|",
  "^",
  "{",
  "}",
  "\u0000",
  "\u20ac",
  "__proto__",
  "constructor",
  "toString",
  "(b7)",
];

/** Assembles and allows any `AsmError` that says where it is. */
const survive = (text: string, dialect: DialectName): void => {
  try {
    assemble(text, { dialect });
  } catch (error) {
    expect(error, text).toBeInstanceOf(AsmError);
    if ((error as AsmError).code !== "BAD_LENGTH") expect((error as AsmError).place?.line, text).toBeGreaterThan(0);
  }
};

describe.each(DIALECTS)("any text in the dialect %s", (dialect) => {
  it("of characters gives an assembly or an AsmError with its place", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => survive(text, dialect)),
      {
        seed: 1,
        numRuns: 3000,
      },
    );
  });

  it("of tokens gives an assembly or an AsmError with its place", () => {
    const text = fc
      .array(fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom("", " ")), { maxLength: 30 })
      .map((pieces) => pieces.flat().join(""));
    fc.assert(
      fc.property(text, (source) => survive(source, dialect)),
      { seed: 2, numRuns: 10_000 },
    );
  });

  it("with one character changed gives an assembly or an AsmError with its place", () => {
    const text = anyProgram.map((program) => disassemble(program, { dialect }));
    fc.assert(
      fc.property(text, fc.nat(), fc.constantFrom(...PIECES), (source, position, piece) => {
        const at = position % (source.length + 1);
        survive(source.slice(0, at) + piece + source.slice(at + 1), dialect);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});

/** Sixty names, each of which stands for several times the next one. */
const doubling = (value: (next: string) => string): string =>
  Array.from({ length: 60 }, (_, i) => `.set a${i}, ${value(`a${i + 1}`)}\n`).join("");

describe("a text made to be expensive", () => {
  it.each([
    ["nested parentheses", `r1 = ${"(".repeat(100_000)}`],
    ["a chain of signs", `r1 = ${"-".repeat(100_000)}1`],
    ["a long sum of symbols", `r1 = x${"+x".repeat(100_000)}`],
    ["a chain of names", `${Array.from({ length: 20_000 }, (_, i) => `.set a${i}, a${i + 1}`).join("\n")}\nr1 = a0`],
    ["names that double", `${doubling((next) => `${next}+${next}`)}.set a60, 1\nr1 = a0`],
    ["labels that triple", `${doubling((next) => `${next}-${next}+${next}`)}r1 = a0 ll`],
    ["names that triple too early", `${doubling((next) => `${next}-${next}+${next}`)}.zero a0`],
    ["a huge number", `r1 = ${"9".repeat(200_000)}`],
    ["comments that are not closed", "/*".repeat(50_000)],
    ["separators", `${";".repeat(200_000)}bogus`],
    ["blanks", `${" ".repeat(200_000)}; exit bogus\n${"\t".repeat(100_000)}bogus`],
    ["annotations", `exit ${"<".repeat(100_000)}`],
    ["space by the gigabyte", ".zero 0x40000000\n".repeat(3)],
    ["a word that almost is a call", `call ${"x".repeat(200_000)}# 1`],
  ])("ends soon: %s", (_what, text) => {
    const started = performance.now();
    for (const dialect of DIALECTS) survive(text, dialect);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("takes time in proportion to the length of ordinary text", () => {
    const text = "r1 = *(u64 *)(r2 + 8)\nif r1 s> 5 goto +0\nr3 = 5 ll\n".repeat(10_000);
    const { sections } = assemble(text, { dialect: "kernel" });
    expect(sections[0]?.instructions).toHaveLength(40_000);
  });
});
