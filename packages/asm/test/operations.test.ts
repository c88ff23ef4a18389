import { describe, expect, it } from "vitest";
import { type ConformanceGroup, type DialectName, OPERATIONS, type Operation } from "../src/index.js";
import { gasSyntax } from "../src/syntax/gas.js";
import { kernelSyntax } from "../src/syntax/kernel.js";
import { kernelLogSyntax } from "../src/syntax/kernel-log.js";
import { HOLES, piecesOf, templatesOf } from "../src/syntax/syntax.js";
import { ubpfSyntax } from "../src/syntax/ubpf.js";

/*
 * The registry of RFC 9669, appendix A, by conformance group: each opcode, with the value of the field that tells its
 * operations apart. Below it, what came later, from the kernel's documentation.
 */
const REGISTRY: Readonly<Record<ConformanceGroup, string>> = {
  base32: `
    04 0c 14 1c 44 4c 54 5c 64 6c 74 7c 84 a4 ac b4 bc cc c4 bc:offset=8 bc:offset=16
    05 06 85 85:src=1 85:src=2 95
    16 1e 26 2e 36 3e 46 4e 56 5e 66 6e 76 7e a6 ae b6 be c6 ce d6 de
    61 62 63 69 6a 6b 71 72 73
    d4:imm=16 d4:imm=32 dc:imm=16 dc:imm=32 d7:imm=16 d7:imm=32`,
  base64: `
    07 0f 17 1f 47 4f 57 5f 67 6f 77 7f 87 a7 af b7 bf cf c7 bf:offset=8 bf:offset=16 bf:offset=32
    15 1d 25 2d 35 3d 45 4d 55 5d 65 6d 75 7d a5 ad b5 bd c5 cd d5 dd
    18 18:src=1 18:src=2 18:src=3 18:src=4 18:src=5 18:src=6
    79 7a 7b 81 89 91
    d4:imm=64 dc:imm=64 d7:imm=64`,
  divmul32: "24 2c 34 3c 34:offset=1 3c:offset=1 94 9c 94:offset=1 9c:offset=1",
  divmul64: "27 2f 37 3f 37:offset=1 3f:offset=1 97 9f 97:offset=1 9f:offset=1",
  atomic32: "c3 c3:imm=1 c3:imm=64 c3:imm=65 c3:imm=80 c3:imm=81 c3:imm=160 c3:imm=161 c3:imm=225 c3:imm=241",
  atomic64: "db db:imm=1 db:imm=64 db:imm=65 db:imm=80 db:imm=81 db:imm=160 db:imm=161 db:imm=225 db:imm=241",
  packet: "20 28 30 40 48 50",
  extension: `
    d3:imm=256 cb:imm=256 c3:imm=256 db:imm=256 d3:imm=272 cb:imm=272 c3:imm=272 db:imm=272
    e5 0d 8d bf:offset=1`,
};

/** An operation as the registry above writes it. */
const entryOf = (op: Operation): string => {
  const fixed = Object.entries(op.fixed).filter(([, value]) => value !== 0);
  return [op.opcode.toString(16).padStart(2, "0"), ...fixed.map(([field, value]) => `${field}=${value}`)].join(":");
};

describe("the table of operations", () => {
  it.each(Object.keys(REGISTRY) as ConformanceGroup[])("holds the group %s of the registry", (group) => {
    const registered = REGISTRY[group].trim().split(/\s+/);
    const entries = OPERATIONS.filter((op) => op.group === group).map(entryOf);
    expect(entries.sort()).toEqual(registered.sort());
  });

  it("gives every operation a name and an encoding of its own", () => {
    expect(new Set(OPERATIONS.map((op) => op.name)).size).toBe(OPERATIONS.length);
    expect(new Set(OPERATIONS.map(entryOf)).size).toBe(OPERATIONS.length);
  });

  it("never fixes a field that is an operand", () => {
    for (const op of OPERATIONS)
      expect(
        op.uses.filter((field) => field in op.fixed),
        op.name,
      ).toEqual([]);
  });
});

const SYNTAXES = { kernel: kernelSyntax, gas: gasSyntax, ubpf: ubpfSyntax } satisfies Record<DialectName, object>;

describe.each(Object.keys(SYNTAXES) as DialectName[])("the templates of %s", (dialect) => {
  const syntax = SYNTAXES[dialect];

  it("exist for every operation, and print no two operations alike", () => {
    const printed = OPERATIONS.map((op) => templatesOf(syntax, op)?.[0]);
    expect(printed).not.toContain(undefined);
    // `call 5` is a helper's number and `call f` a function, so templates that differ in their hole only are two.
    expect(new Set(printed).size).toBe(OPERATIONS.length);
  });

  it("have known holes only", () => {
    for (const op of OPERATIONS) {
      for (const template of [...templatesOf(syntax, op)!, ...templatesOf(kernelLogSyntax, op)!]) {
        for (const piece of piecesOf(template)) if ("hole" in piece) expect(HOLES, template).toHaveProperty(piece.hole);
      }
    }
  });
});
