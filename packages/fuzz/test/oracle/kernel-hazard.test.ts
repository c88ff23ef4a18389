import { expect, it } from "vitest";
import { program } from "../../../verifier/test/programs.js";
import { mayCrashKernel } from "../../src/oracle/kernel-hazard.js";

const FUNCTION = "f:\nr0 = 0\nexit";
const LEGACY = "r6 = r1\nr0 = *(u8 *)skb[0]";
const MAY_GOTO = "again:\nmay_goto out\ngoto again\nout:";
const callback = (name: string): string => `r2 = ${name} ll`;

it.each([
  ["legacy loads alone", `${LEGACY}\nexit`, false],
  ["functions alone", `call f\nexit\n${FUNCTION}`, false],
  ["legacy loads and functions", `${LEGACY}\ncall f\nexit\n${FUNCTION}`, true],
  ["may_goto and a callback", `${MAY_GOTO}\n${callback("f")}\nexit\n${FUNCTION}`, false],
  ["two callbacks alone", `${callback("f")}\n${callback("g")}\nexit\n${FUNCTION}\ng:\nexit`, false],
  ["may_goto and the same callback twice", `${MAY_GOTO}\n${callback("f")}\n${callback("f")}\nexit\n${FUNCTION}`, false],
  ["may_goto and two callbacks", `${MAY_GOTO}\n${callback("f")}\n${callback("g")}\nexit\n${FUNCTION}\ng:\nexit`, true],
])("%s", (_name, text, expected) => {
  expect(mayCrashKernel(program(text))).toBe(expected);
});
