import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assemble, type DialectName, decode, disassemble, encode, OPERATIONS } from "../../src/index.js";
import { anyOf, anyProgram, anySlot } from "../instructions.js";

const DIALECTS: readonly DialectName[] = ["kernel", "gas", "ubpf"];
const ORDERS = ["little", "big"] as const;

const assembledBytes = (text: string, dialect: DialectName, order: "little" | "big") =>
  assemble(text, { dialect, order }).sections[0]?.bytes ?? new Uint8Array();

describe.each(DIALECTS)("disassemble in the dialect %s", (dialect) => {
  it("loses nothing of any operation of the table", () => {
    for (const op of OPERATIONS) {
      fc.assert(
        fc.property(
          anyOf(op),
          fc.constantFrom(...ORDERS),
          fc.constantFrom("hex", "decimal"),
          (slots, order, numbers) => {
            const text = disassemble(slots, { dialect, order, numbers, labels: false });
            expect(text, op.name).not.toContain(".quad");
            expect(assemble(text, { dialect, order }).sections[0]?.instructions, text).toEqual(slots);
          },
        ),
        { seed: 1, numRuns: 12 },
      );
    }
  });

  it("loses nothing of any program, with labels and without", () => {
    fc.assert(
      fc.property(anyProgram, fc.constantFrom(...ORDERS), fc.boolean(), (program, order, labels) => {
        const text = disassemble(program, { dialect, order, labels });
        expect(assembledBytes(text, dialect, order), text).toEqual(encode(program, order));
      }),
      { seed: 2, numRuns: 400 },
    );
  });

  it("writes comments that it reads over", () => {
    const instructions = decode(Uint8Array.of(0xb7, 0, 0, 0, 7, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0));
    const comment = (pc: number) => (pc === 1 ? "return x; /* \n # */" : undefined);
    const text = disassemble(instructions, { dialect, comment });
    expect(text.split("\n")[1]).toBe("\t# return x; /* # */");
    expect(assemble(text, { dialect }).sections[0]?.instructions).toEqual(instructions);
  });

  it("leaves out names that the dialect can't read as names", () => {
    const instructions = decode(Uint8Array.of(0x85, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x95, 0, 0, 0, 0, 0, 0, 0));
    const symbols = new Map([[1, "%r1 or so"]]);
    const relocations = new Map([[0, "no name"]]);
    const text = disassemble(instructions, { dialect, symbols, relocations });
    expect(text).not.toMatch(/no name|or so/);
    expect(assemble(text, { dialect }).sections[0]?.instructions).toEqual(instructions);
  });

  it("loses nothing of any bytes", () => {
    fc.assert(
      fc.property(fc.array(anySlot, { maxLength: 6 }), fc.constantFrom(...ORDERS), (slots, order) => {
        const bytes = encode(slots, order);
        const text = disassemble(decode(bytes, order), { dialect, order });
        expect(assembledBytes(text, dialect, order), text).toEqual(bytes);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });
});
