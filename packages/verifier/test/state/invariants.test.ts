import { InvariantError } from "@ebpf/core";
import { linux, type MapSpec } from "@ebpf/platform";
import { describe, expect, it } from "vitest";
import { interval } from "../../src/domain/interval.js";
import * as S from "../../src/domain/scalar.js";
import * as T from "../../src/domain/tnum.js";
import * as W from "../../src/domain/word.js";
import { verify } from "../../src/index.js";
import type { Subprogram } from "../../src/program/program.js";
import { checkState, type StateContext } from "../../src/state/invariants.js";
import {
  NOT_INIT,
  pointerRegister,
  type Register,
  type RegisterFields,
  scalarRegister,
  UNKNOWN_SCALAR,
} from "../../src/state/register.js";
import { BYTE, dynptrSlot, EMPTY_SLOT, type Slot, spillInto } from "../../src/state/stack.js";
import { FRAME_POINTER, Frame, type Reference, State } from "../../src/state/state.js";
import { MAPS, program } from "../programs.js";

const subprogram = (index: number, start: number, end: number): Subprogram => ({
  index,
  start,
  end,
  name: `f${index}`,
  global: false,
  movesPacket: false,
  exceptionCallback: false,
});

/** A function of ten instructions calls another at pc 4, which is at pc 12. */
const CONTEXT: StateContext = {
  pc: 12,
  limits: linux.limits,
  subprograms: [subprogram(0, 0, 10), subprogram(1, 10, 20)],
  newestId: 9,
};

const DYNPTR = pointerRegister("dynptr", { id: 3, reference: 4, dynptr: "ringbuf" });
const MAP: MapSpec = MAPS.array;
const LOCK: Reference = { kind: "lock", id: 0, pc: 3, object: MAP };

/** A state in which everything is in order, with something of every sort. */
const wholeState = (): State => {
  const entry = new Frame(0, 0, -1);
  const callee = new Frame(1, 1, 4);
  for (const frame of [entry, callee]) frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: frame.index });
  callee.registers[1] = pointerRegister("fp", { frame: 0, offset: -8 });
  callee.registers[2] = pointerRegister("pkt", { id: 2, value: S.UNKNOWN, offset: 14, range: 20 });
  callee.registers[3] = pointerRegister("map_value", { map: MAP, nullable: true, id: 5 });
  callee.registers[4] = UNKNOWN_SCALAR.withLink(6, 8, 64);
  callee.registers[5] = pointerRegister("mem", { size: 16, id: 7, reference: 4, diesWith: 3 });
  callee.registers[6] = pointerRegister("func", { subprogram: 1 });
  entry.setSlot(0, spillInto(EMPTY_SLOT, UNKNOWN_SCALAR, 4));
  entry.setSlot(1, dynptrSlot(DYNPTR));
  entry.setSlot(2, dynptrSlot(DYNPTR.with({ firstSlot: true })));
  entry.setSlot(3, spillInto(EMPTY_SLOT, pointerRegister("ctx"), 8));
  const state = new State([entry, callee], 0);
  state.references = [{ kind: "pointer", id: 4, pc: 2 }, LOCK];
  return state;
};

const check = (state: State): void => checkState(state, CONTEXT);

type Break = (state: State) => void;

const register =
  (index: number, value: Register): Break =>
  (state) =>
    state.setRegister(index, value);

/** R7 as an unknown number that says `wrong` of itself. */
const number = (wrong: Partial<S.Scalar>): Break => register(7, UNKNOWN_SCALAR.withValue({ ...S.UNKNOWN, ...wrong }));

const change =
  (index: number, wrong: Partial<RegisterFields>): Break =>
  (state) =>
    state.setRegister(index, state.register(index).with(wrong));

const slot =
  (index: number, content: Slot): Break =>
  (state) =>
    state.frames[0]!.setSlot(index, content);

const held =
  (...references: readonly Reference[]): Break =>
  (state) => {
    state.references = [...state.references, ...references];
  };

const locked =
  (lock: Reference): Break =>
  (state) => {
    state.references = state.references.with(1, lock);
  };

const frames =
  (chain: Frame[]): Break =>
  (state) => {
    state.frames = chain;
  };

const callee =
  (frame: Frame): Break =>
  (state) => {
    state.frames = state.frames.with(1, frame);
  };

const pointer = (id: number): Reference => ({ kind: "pointer", id, pc: 0 });

const spill = (value: Register, bytes: number): Slot => spillInto(EMPTY_SLOT, value, bytes);

const FIVE = W.fromNumber(5);
const SIX = W.fromNumber(6);

/** What is broken, how, and what is said of it. */
const BROKEN: readonly (readonly [string, Break, string])[] = [
  ["a bound of another width", number({ u32: interval(0, 2 ** 32) }), "frame 1, R7: a bound that isn't of its width"],
  ["tnum", number({ bits: { value: W.ONE, mask: W.ONES } }), "R7: a bit both known and unknown"],
  ["umin ≤ umax", number({ u64: interval(SIX, FIVE) }), "R7: a range whose min is above its max"],
  ["smin ≤ smax", number({ s64: interval(W.ONE, W.ONES) }), "R7: a range whose min is above its max"],
  ["u32min ≤ u32max", number({ u32: interval(6, 5) }), "R7: a range whose min is above its max"],
  ["s32min ≤ s32max", number({ s32: interval(1, -1) }), "R7: a range whose min is above its max"],
  [
    "a constant of other ranges",
    number({ bits: T.constant(FIVE), u32: interval(4, 6) }),
    "R7: a range beyond its known bits",
  ],
  [
    "a constant of which one range says more",
    register(7, scalarRegister({ ...S.constant(FIVE), s32: interval(5, 6) })),
    "R7: a range beyond its known bits",
  ],
  ["a range that is one number", number({ u64: interval(FIVE, FIVE) }), "R7: a single number with unknown bits"],
  ["a field of another kind", change(4, { range: 3 }), "R4: scalar has no range"],
  ["NULL of a kind that can't be", change(1, { nullable: true, id: 1 }), "R1: fp has no nullable"],
  ["NULL without an id", change(3, { id: 0 }), "R3: NULL or not, and no id to tell copies by"],
  ["an id", change(4, { id: 10 }), "R4: id 10 was never given out"],
  ["a delta without an id", change(4, { id: 0 }), "R4: a delta to no number"],
  ["a delta without a width", change(4, { deltaBits: 0 }), "R4: a delta without a width"],
  ["an offset", change(1, { offset: 2 ** 31 }), "R1: offset 2147483648 isn't int32"],
  ["a value of no map", change(3, { map: undefined }), "R3: no map"],
  ["a size", change(5, { size: -1 }), "R5: a size of -1"],
  ["a packet range", change(2, { range: -3 }), "R2: a packet range of -3"],
  ["a variable part without an id", change(2, { id: 0 }), "R2: a variable part without an id"],
  ["the stack of no frame", change(1, { frame: 2 }), "R1: the stack of frame 2"],
  ["no function", change(6, { subprogram: 2 }), "R6: no function 2"],
  ["an object that isn't held", change(5, { reference: 8 }), "R5: reference 8 isn't held"],
  ["a dynptr in a register", register(7, DYNPTR), "R7: a dynptr in a register"],
  ["bytes of no kind", slot(4, { bytes: 15, spilled: undefined }), "frame 0, fp-40: bytes of no kind"],
  ["bytes of no register", slot(4, { bytes: BYTE.spill, spilled: undefined }), "fp-40: bytes of no spilled register"],
  [
    "a register's bytes further up",
    slot(4, { bytes: BYTE.spill << 4, spilled: UNKNOWN_SCALAR }),
    "fp-40: bytes of no spilled register",
  ],
  ["no bytes", slot(4, { bytes: BYTE.misc, spilled: UNKNOWN_SCALAR }), "fp-40: a spilled register without bytes"],
  ["part of a pointer", slot(4, spill(pointerRegister("ctx"), 4)), "fp-40: part of a spilled pointer"],
  ["nothing, spilled", slot(4, spill(NOT_INIT, 8)), "fp-40: a spilled not_init"],
  ["a pointer that isn't spilled", slot(4, spill(pointerRegister("tp_buffer"), 8)), "fp-40: a spilled tp_buffer"],
  ["a callee's stack", slot(4, spill(pointerRegister("fp", { frame: 1 }), 8)), "fp-40: the stack of frame 1"],
  ["a spilled value", slot(4, spill(UNKNOWN_SCALAR.with({ id: 10 }), 8)), "fp-40: id 10 was never given out"],
  ["half a dynptr", slot(2, EMPTY_SLOT), "fp-16: half a dynptr"],
  ["two dynptrs' halves", slot(1, dynptrSlot(DYNPTR.with({ id: 8 }))), "fp-16: half a dynptr"],
  ["a dynptr's slot", slot(1, { bytes: BYTE.dynptr, spilled: DYNPTR }), "fp-16: part of a dynptr's slot"],
  ["no dynptr", slot(1, dynptrSlot(UNKNOWN_SCALAR)), "fp-16: a dynptr that nothing is known of"],
  ["the frame pointer", register(10, pointerRegister("fp", { frame: 0 })), "frame 1: R10 isn't its frame pointer"],
  ["too much stack", slot(64, EMPTY_SLOT), "frame 0: 65 slots of stack"],
  ["a missing register", (state) => void state.frame.registers.pop(), "frame 1: 10 registers"],
  ["a frame's place", (state) => state.frames.reverse(), "frame 0: it says that it is frame 1"],
  ["too many frames", frames(new Array(9).fill(wholeState().frame)), ": 9 frames"],
  ["no frame", frames([]), ": 0 frames"],
  ["another function", callee(new Frame(1, 0, 4)), "frame 1: pc 12 isn't in function 0"],
  ["a call from elsewhere", callee(new Frame(1, 1, 11)), "frame 0: pc 11 isn't in function 0"],
  ["a reference twice", held(pointer(4)), ": a reference is held twice"],
  ["a reference of no id", held(pointer(10)), ": reference 10 was never given out"],
  ["two locks", held(LOCK), ": two locks are held"],
  ["a lock of no map", locked({ kind: "lock", id: 0, pc: 3 }), ": a lock of no map"],
  ["ids of two kinds", change(4, { id: 5 }), ": id 5 is of map_value and of scalar"],
  [
    "ids of two variable parts",
    register(8, pointerRegister("pkt", { id: 2, value: S.constant(FIVE) })),
    ": id 2 is of two variable parts",
  ],
];

describe("the self-check", () => {
  it("finds nothing wrong with a state that is in order", () => {
    expect(() => check(wholeState())).not.toThrow();
    // Bounds that contradicted each other are forgotten, and the bits are not.
    const state = wholeState();
    number({ bits: T.constant(FIVE) })(state);
    expect(() => check(state)).not.toThrow();
  });

  it.each(BROKEN)("finds a state that is not: %s", (_name, breakIt, message) => {
    const state = wholeState();
    breakIt(state);
    expect(() => check(state)).toThrow(InvariantError);
    expect(() => check(state)).toThrow(message);
    expect(() => check(state)).toThrow(/^at pc 12[,:]/);
  });
});

describe("verify with selfCheck", () => {
  const RETURN = program("r0 = 0\nr0 = 1\nexit");
  const breaksStates = (selfCheck: boolean) =>
    verify(RETURN, {
      selfCheck,
      onEvent: (event) => {
        if (event.kind === "instruction" && event.pc === 1) event.state.setRegister(3, pointerRegister("map_value"));
      },
    });

  it("checks before every instruction, and only when it is asked to", () => {
    expect(() => breaksStates(true)).toThrow("at pc 2, frame 0, R3: no map");
    expect(breaksStates(false).verdict).toBe("accept");
  });

  it("does not mind ranges and known bits without a common number, which Linux leaves too", () => {
    // r0 is 1, 5, 9 or 13, and on the way to the exit neither below 6 nor above 8.
    const text = "call 7\nr0 &= 12\nr0 |= 1\nif r0 < 6 goto +1\nif r0 > 8 goto +0\nexit";
    const seen: S.Scalar[] = [];
    const report = verify(program(text, { type: "socket_filter" }), {
      selfCheck: true,
      onEvent: (event) => {
        if (event.kind === "instruction" && event.pc === 5) seen.push(event.state.register(0).value);
      },
    });
    expect(report.verdict).toBe("accept");
    const empty = seen.filter(({ bits, u64 }) => {
      const first = T.holds(bits, u64.min) ? u64.min : T.next(bits, u64.min);
      return first === undefined || W.below(u64.max, first);
    });
    expect(empty).toHaveLength(1);
  });
});
