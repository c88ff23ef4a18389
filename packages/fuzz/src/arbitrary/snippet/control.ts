import { at, R0, R1, R2, R3, R4, R6, R7, R8, R9, R10 } from "@ebpf/asm";
import fc from "fast-check";
import { chance } from "../constant.js";
import { FRAME, type Lowering, MAX_LOOPS, type Snippet } from "../lowering.js";
import { condition, jumpIf, live } from "./number.js";

export type Body = readonly Snippet[];

const emitAll = (code: Lowering, body: Body): void => {
  for (const snippet of body) snippet(code);
};

/** Two ways that meet again. */
export const branch = (body: fc.Arbitrary<Body>): fc.Arbitrary<Snippet> =>
  fc.record({ test: condition(), taken: body, other: body }).map(({ test, taken, other }) => (code) => {
    const then = code.label();
    const end = code.label();
    jumpIf(test, then)(code);
    emitAll(code, other);
    code.code.goto(end).label(then);
    emitAll(code, taken);
    code.code.label(end);
  });

/** A loop that counts in the stack frame, with a fixed or an unknown but bounded number of rounds. */
export const loop = (body: fc.Arbitrary<Body>): fc.Arbitrary<Snippet> =>
  fc
    .record({
      rounds: fc.integer({ min: 1, max: 6 }),
      unknown: chance(30),
      source: live(),
      down: fc.boolean(),
      inside: body,
    })
    .map(({ rounds, unknown, source, down, inside }) => (code) => {
      if (code.loops >= MAX_LOOPS) return emitAll(code, inside);
      const counter = at(R10, FRAME.counters - 8 * code.loops);
      const head = code.label();
      if (unknown) code.code.mov(R0, source).alu("and", R0, 7);
      else code.code.mov(R0, down ? rounds : 0);
      code.code.store(8, counter, R0).label(head);
      code.loops++;
      emitAll(code, inside);
      code.loops--;
      code.code
        .load(8, R0, counter)
        .alu("add", R0, down ? -1 : 1)
        .store(8, counter, R0);
      if (down) code.code.jump(R0, "sgt", 0, head);
      else code.code.jump(R0, "lt", rounds, head);
    });

/** A loop that counts in r9, which the body may change: then it may never end. */
export const registerLoop = (body: fc.Arbitrary<Body>): fc.Arbitrary<Snippet> =>
  fc
    .record({ rounds: fc.integer({ min: 1, max: 6 }), inside: body, endless: chance(20) })
    .map(({ rounds, inside, endless }) => (code) => {
      if (code.loops > 0) return emitAll(code, inside);
      const head = code.label();
      code.code.mov(R9, 0).label(head);
      code.loops++;
      emitAll(code, inside);
      code.loops--;
      if (endless) code.code.mayGoto(code.out).goto(head);
      else code.code.alu("add", R9, 1).jump(R9, "lt", rounds, head);
    });

/** A call of a function of the program that gets the context and two numbers. */
export const localCall = (body: fc.Arbitrary<Body>): fc.Arbitrary<Snippet> =>
  fc
    .record({ first: live(), second: live(), dst: live(), inside: body, stack: chance(25), result: live() })
    .map(({ first, second, dst, inside, stack, result }) => (code) => {
      if (code.depth >= 2) return emitAll(code, inside);
      const { hasContext } = code;
      code.code.mov(R2, first).mov(R3, second);
      if (stack) {
        code.initialise(FRAME.first, 5);
        code.loadFrameAddress(R3, FRAME.first);
      }
      if (hasContext) code.code.mov(R1, R6);
      else code.code.mov(R1, 0);
      code.callFunction((inner) => {
        inner.hasContext = hasContext;
        inner.code.mov(R6, R1).mov(R7, R2).mov(R8, R3).mov(R9, 3);
        // The caller's memory is read and changed through the pointer.
        if (stack) inner.code.load(8, R9, at(R8, 8)).store(8, at(R8, 16), R7).mov(R8, 4);
        emitAll(inner, inside);
        if (result !== R9) inner.code.mov(R9, result);
      });
      code.code.mov(dst, R0);
      if (stack) code.code.load(8, dst, at(R10, FRAME.first + 16));
    });

/** `bpf_loop` with a callback that reads and writes its caller's stack frame. */
export const callback = (body: fc.Arbitrary<Body>): fc.Arbitrary<Snippet> =>
  fc
    .record({
      rounds: fc.integer({ min: 0, max: 5 }),
      unknown: chance(20),
      dst: live(),
      inside: body,
      stop: chance(20),
    })
    .map(({ rounds, unknown, dst, inside, stop }) => (code) => {
      if (code.depth >= 2 || code.helper(BPF_LOOP) === undefined) return emitAll(code, inside);
      code.initialise(FRAME.first, 1);
      if (unknown) code.code.mov(R1, dst).alu("and", R1, 7);
      else code.code.mov(R1, rounds);
      code.loadCallback(R2, (inner) => {
        inner.hasContext = false;
        inner.code.mov(R6, R2).mov(R7, R1).mov(R8, 2).mov(R9, 3);
        inner.code.load(8, R8, at(R6, 8)).alu("add", R8, 1).store(8, at(R6, 8), R8);
        emitAll(inner, inside);
        // The function's end sets r0 to 0; a callback that stops returns 1.
        if (stop) inner.code.jump(R8, "lt", 3, inner.out).mov(R0, 1).exit();
      });
      code.loadFrameAddress(R3, FRAME.first);
      code.code.mov(R4, 0).call(BPF_LOOP).mov(dst, R0);
      if (!stop) code.code.load(8, dst, at(R10, FRAME.first + 8));
    });

const BPF_LOOP = 181;
