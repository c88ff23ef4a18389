import { at, R0, R1, R2, R3, R4, R5, R6, R10, type Register } from "@ebpf/asm";
import { linux, type ProgramFlags } from "@ebpf/platform";
import fc from "fast-check";
import { type FuzzCase, specOf } from "../fuzz-case.js";
import { chance } from "./constant.js";
import { plainInput } from "./input.js";
import { FRAME, LIVE, Lowering, type Snippet } from "./lowering.js";
import { handleOf } from "./maps.js";
import { targets } from "./program.js";
import { readable } from "./readable.js";
import { access, emitAccess } from "./snippet/access.js";
import { branch, callback, localCall, loop } from "./snippet/control.js";
import { calculate, copy, guard, live, sizes } from "./snippet/number.js";
import { spill, stackAccess, variableStackAccess } from "./snippet/stack.js";
import { giveValue, values } from "./snippet/value.js";

/** Reads or writes a little beside where a register points, if it does. */
const touch = (): fc.Arbitrary<Snippet> =>
  fc.record({ what: access(), base: live(), offset: fc.integer({ min: -9, max: 33 }) }).map(
    ({ what, base, offset }) =>
      (code) =>
        emitAccess(code, what, base, offset),
  );

/** Puts a register to the stack, and takes some of it back. */
const keep = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      slot: fc.constantFrom(-8, -16),
      value: live(),
      size: sizes(),
      dst: live(),
      from: sizes(),
      signed: fc.boolean(),
    })
    .map(({ slot, value, size, dst, from, signed }) => (code) => {
      code.code.store(size, at(R10, slot), value);
      code.load(from, dst, at(R10, slot), signed);
    });

/** Goes on where a register is 0, or where it isn't. */
const checkNull = (): fc.Arbitrary<Snippet> =>
  fc
    .record({ value: live(), when: fc.constantFrom("eq", "ne"), wide: fc.boolean() })
    .map(({ value, when, wide }) => ({ code, out }) => {
      if (wide) code.jump(value, when, 0, out);
      else code.jump32(value, when, 0, out);
    });

const ARGUMENTS: readonly Register[] = [R1, R2, R3, R4, R5];

/** Calls a helper with whatever there is. */
const callAnything = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      helper: fc.nat({ max: 1000 }),
      given: fc.array(fc.constantFrom<Register | "map" | "frame" | number>(...LIVE, R6, "map", "frame", 0, 8), {
        minLength: 5,
        maxLength: 5,
      }),
      map: fc.constantFrom("array", "hash", "single", "ring", "queue", "sockets"),
      dst: live(),
    })
    .map(({ helper, given, map, dst }) => (code) => {
      const available = [...linux.helpers.values()].filter(({ id }) => code.helper(id) !== undefined);
      const { id, arguments: parameters } = available[helper % available.length]!;
      code.initialise(FRAME.first);
      parameters.forEach(({ kind }, position) => {
        const register = ARGUMENTS[position]!;
        const what = kind === "map" ? "map" : kind === "context" ? R6 : given[position]!;
        if (what === "map") code.loadMap(register, handleOf(map));
        else if (what === "frame") code.loadFrameAddress(register, FRAME.first);
        else code.code.mov(register, what);
      });
      code.code.call(id).mov(dst, R0);
    });

const steps = (): fc.Arbitrary<readonly Snippet[]> => {
  const simple = fc.oneof(
    { weight: 6, arbitrary: calculate() },
    { weight: 3, arbitrary: copy() },
    { weight: 3, arbitrary: guard() },
    { weight: 3, arbitrary: touch() },
    { weight: 3, arbitrary: keep() },
    { weight: 2, arbitrary: checkNull() },
    { weight: 2, arbitrary: callAnything() },
    { weight: 3, arbitrary: spill() },
    { weight: 2, arbitrary: fc.oneof(stackAccess(), variableStackAccess()) },
  );
  const few = fc.array(simple, { maxLength: 2 });
  const step = fc.oneof(
    { weight: 29, arbitrary: simple },
    { weight: 4, arbitrary: branch(few) },
    { weight: 1, arbitrary: fc.oneof(loop(few), localCall(few), callback(few)) },
  );
  return fc.array(step, { minLength: 1, maxLength: 6 });
};

/** States are kept where anything jumps when they are tested often, so that more is compared. */
const flags = (): fc.Arbitrary<ProgramFlags> =>
  fc.record({ testStateFrequency: fc.boolean(), strictAlignment: chance(25), anyAlignment: chance(10) });

/**
 * Short programs in which values of every kind, pointers and numbers, meet operations of every kind, with no regard for what is
 * allowed. Most are refused; what was known until then, and why they are, is what they show.
 */
export const encounters = (): fc.Arbitrary<FuzzCase> =>
  readable(
    targets().chain((target) =>
      fc.tuple(fc.tuple(values(), values(), values()), steps(), flags()).map(([held, body, chosen]): FuzzCase => {
        const lowering = new Lowering(target, linux);
        const { instructions, functionStarts } = lowering.finish(
          (code) => {
            for (const [index, value] of held.entries()) giveValue(code, LIVE[index]!, value);
            for (const step of body) step(code);
          },
          ({ code }) => code.mov(R0, 0),
        );
        const shape = {
          ...target,
          flags: { ...chosen, sleepable: target.type === "syscall" },
          maps: lowering.maps,
          ...(functionStarts && { functionStarts }),
        };
        return { spec: specOf(instructions, shape), contents: new Map(), input: plainInput(target.type) };
      }),
    ),
  );
