import type { ProgramFlags } from "./spec.js";

/** Bits of `prog_flags`. Source: `BPF_F_*` of `BPF_PROG_LOAD` in Linux's uapi. */
export const PROGRAM_FLAGS = {
  strictAlignment: 1 << 0,
  anyAlignment: 1 << 1,
  testStateFrequency: 1 << 3,
  sleepable: 1 << 4,
  frags: 1 << 5,
} as const satisfies Record<keyof ProgramFlags, number>;

/** The flags as the one number that `BPF_PROG_LOAD` takes. */
export const encodeProgramFlags = (flags: ProgramFlags): number =>
  Object.entries(PROGRAM_FLAGS).reduce((bits, [name, bit]) => bits | (flags[name as keyof ProgramFlags] ? bit : 0), 0);

/** The flags in such a number; bits that no flag here stands for are dropped. */
export const decodeProgramFlags = (bits: number): ProgramFlags =>
  Object.fromEntries(Object.entries(PROGRAM_FLAGS).map(([name, bit]) => [name, (bits & bit) !== 0]));
