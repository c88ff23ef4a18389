import { at, R0, R1, R3, R6, R10, type Register } from "@ebpf/asm";
import fc from "fast-check";
import { chance, constant32 } from "../constant.js";
import { AREA, FRAME, type Snippet } from "../lowering.js";
import { access, addToR3, bytesOf, emitAccess, slip, sum } from "./access.js";
import { bound, boundedInR1 } from "./bound.js";
import { live, sizes } from "./number.js";

const spillSlot = (): fc.Arbitrary<number> => fc.constantFrom(-8, -16, -24, FRAME.spill);

/** What may be spilled: mostly numbers, sometimes the context or the frame pointer. */
const spillable = (): fc.Arbitrary<Register> =>
  fc.oneof({ weight: 6, arbitrary: live() }, { weight: 1, arbitrary: fc.constantFrom(R6, R10) });

/** Spills a register, perhaps overwrites a part, and fills a register again, perhaps from a part. */
export const spill = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      slot: spillSlot(),
      value: spillable(),
      storeSize: sizes(),
      overwrite: fc.option(fc.record({ by: fc.nat({ max: 7 }), size: sizes(), value: constant32() }), {
        nil: undefined,
        freq: 3,
      }),
      dst: live(),
      loadSize: sizes(),
      loadBy: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 7 }) }),
      signed: chance(30),
      clear: fc.boolean(),
    })
    .map(({ slot, value, storeSize, overwrite, dst, loadSize, loadBy, signed, clear }) => (code) => {
      if (clear) code.code.store(8, at(R10, slot), 0);
      code.code.store(value === R6 || value === R10 ? 8 : storeSize, at(R10, slot), value);
      if (overwrite !== undefined) {
        const by = overwrite.by - (overwrite.by % overwrite.size);
        code.code.store(overwrite.size, at(R10, slot + by), overwrite.value);
      }
      code.load(loadSize, dst, at(R10, slot + loadBy - (loadBy % loadSize)), signed);
      if (value === R6 || value === R10) code.code.mov(dst, 1);
    });

/** Loads or stores at a fixed place of the stack frame, wherever that is. */
export const stackAccess = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      what: access(),
      place: fc.integer({ min: -64, max: 0 }),
      wild: fc.integer({ min: -520, max: 8 }),
      odd: chance(5),
      aligned: chance(80),
    })
    .map(({ what, place, wild, odd, aligned }) => (code) => {
      const offset = odd ? wild : place;
      const size = bytesOf(what);
      emitAccess(code, what, R10, aligned ? Math.floor(offset / size) * size : offset);
    });

/** An access at a variable place of the stack. */
export const variableStackAccess = (): fc.Arbitrary<Snippet> =>
  fc
    .record({ what: access(), limit: bound(), how: sum(), initialised: chance(85), by: slip() })
    .map(({ what, limit, how, initialised, by }) => (code) => {
      if (initialised) code.initialise(FRAME.buffer, 1);
      boundedInR1(code, limit, AREA - bytesOf(what), bytesOf(what));
      code.loadFrameAddress(R3, FRAME.buffer);
      addToR3(how)(code);
      emitAccess(code, what, R3, by);
    });

/** Arithmetic on, and comparisons of, pointers. */
export const pointerPlay = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      pointer: fc.constantFrom("frame", "context"),
      name: fc.constantFrom(
        "add64_reg",
        "sub64_reg",
        "add64_imm",
        "sub64_imm",
        "mov64_reg",
        "mov32_reg",
        "add32_imm",
        "and64_imm",
        "xor64_reg",
        "lsh64_imm",
        "neg64",
        "jeq64_imm",
        "jgt64_reg",
        "jne64_reg",
        "jeq32_imm",
      ),
      other: live(),
      imm: fc.oneof(constant32(), fc.integer({ min: -64, max: 8 })),
      use: fc.boolean(),
    })
    .map(({ pointer, name, other, imm, use }) => (code) => {
      if (pointer === "frame" || !code.hasContext) code.loadFrameAddress(R3, FRAME.first);
      else code.code.mov(R3, R6);
      const operands = name.endsWith("_imm")
        ? { imm: name.startsWith("lsh") ? imm & 63 : imm }
        : { src: other.register };
      if (name.startsWith("j")) code.code.emit(name, { dst: R3.register, ...operands }, code.out);
      else if (name === "neg64") code.code.emit(name, { dst: R3.register });
      else code.code.emit(name, { dst: R3.register, ...operands });
      code.initialise(FRAME.first);
      if (use) code.code.load(4, R0, at(R3));
      code.code.mov(R1, R0);
    });
