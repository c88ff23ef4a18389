import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AsmError, decode, encode, findOperation, OPERATIONS, RAW, SLOT_SIZE } from "../src/index.js";
import { anyOf } from "./instructions.js";

const ORDERS = ["little", "big"] as const;

describe("decode", () => {
  it("reads the fields where the diagram has them", () => {
    // r1 = *(u16 *)(r2 - 2), by hand: opcode, registers, offset, imm.
    const little = Uint8Array.of(0x69, 0x21, 0xfe, 0xff, 0, 0, 0, 0);
    const big = Uint8Array.of(0x69, 0x12, 0xff, 0xfe, 0, 0, 0, 0);
    const expected = { op: findOperation("ldxh"), opcode: 0x69, dst: 1, src: 2, offset: -2, imm: 0 };
    expect(decode(little)).toEqual([expected]);
    expect(decode(big, "big")).toEqual([expected]);
  });

  it("gives an LD_IMM64 two slots", () => {
    const bytes = Uint8Array.of(0x18, 3, 0, 0, 0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11);
    const [head, tail] = decode(bytes);
    expect(head).toMatchObject({ op: findOperation("lddw"), dst: 3, imm: 0x55667788 });
    expect(tail).toMatchObject({ op: { family: "lddw-tail" }, imm: 0x11223344 });
  });

  it.each([
    ["an unknown opcode", [0xff, 0, 0, 0, 0, 0, 0, 0]],
    ["a register above r10", [0xbf, 0xb0, 0, 0, 0, 0, 0, 0]],
    ["a reserved field that is set", [0x95, 0, 0, 0, 1, 0, 0, 0]],
    ["an offset between the sign-extending moves", [0xbf, 0x10, 9, 0, 0, 0, 0, 0]],
    ["half of an LD_IMM64", [0x18, 1, 0, 0, 5, 0, 0, 0]],
  ])("takes %s for a raw slot and loses nothing", (_what, bytes) => {
    const slots = decode(Uint8Array.from(bytes));
    expect(slots[0]?.op).toBe(RAW);
    expect([...encode(slots)]).toEqual(bytes);
  });

  it("is undone by encode for every operation and any bytes", () => {
    for (const op of OPERATIONS) {
      fc.assert(
        fc.property(anyOf(op), fc.constantFrom(...ORDERS), (slots, order) => {
          expect(decode(encode(slots, order), order)).toEqual(slots);
        }),
        { seed: 1, numRuns: 20 },
      );
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(...ORDERS), (data, order) => {
        const bytes = data.subarray(0, data.length - (data.length % SLOT_SIZE));
        expect(encode(decode(bytes, order), order)).toEqual(new Uint8Array(bytes));
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it("refuses a length that is no number of slots", () => {
    expect(() => decode(new Uint8Array(12))).toThrow(AsmError);
    expect(() => decode(new Uint8Array(12))).toThrow(expect.objectContaining({ code: "BAD_LENGTH" }));
  });
});
