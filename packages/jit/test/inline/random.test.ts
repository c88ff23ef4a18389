import { CELL, interpret, Runtime } from "@ebpf/runtime";
import { expect, it } from "vitest";
import { asm, programOf } from "../../../runtime/test/support/program.js";
import { compile } from "../../src/index.js";

const PRANDOM = programOf(asm("call helper 7\nexit"));

/** The state that Marsaglia's paper begins with, and what implementations of it are known to give. */
const STATE = [123456789, 362436069, 521288629, 88675123];
const NUMBERS = [3701687786n, 458299110n, 2500872618n, 3633119408n, 516391518n];

it.each(["interpreter", "optimized"])("random numbers of the %s are those of xorshift128", (engine) => {
  const runtime = new Runtime({ memoryPages: 8 });
  const program =
    engine === "interpreter"
      ? interpret(PRANDOM, runtime, { checked: false })
      : compile(PRANDOM, runtime, { checked: false, facts: [] });
  STATE.forEach((word, index) => {
    runtime.memory.setCell(CELL.random + 4 * index, word);
  });
  const memory = new Uint8Array(8);
  expect(NUMBERS.map(() => runtime.run(program, { memory }).returnValue)).toEqual(NUMBERS);
});

it("start anywhere, and may be the embedder's", () => {
  const firstOf = (runtime: Runtime): bigint => {
    const program = compile(PRANDOM, runtime, { checked: false, facts: [] });
    return runtime.run(program, { memory: new Uint8Array(8) }).returnValue;
  };
  const firsts = new Set(Array.from({ length: 5 }, () => firstOf(new Runtime({ memoryPages: 8 }))));
  expect(firsts.size).toBe(5);
  expect(firstOf(new Runtime({ memoryPages: 8, random: () => 42 }))).toBe(42n);
});
