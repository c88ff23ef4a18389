import type { KernelRecord } from "../../src/kernel-records.js";

/** The record of a program that does nothing and was accepted. */
export const RECORD: KernelRecord = {
  id: 1,
  object: "a.o",
  program: "p",
  section: "xdp",
  prog_type: 6,
  expected_attach_type: 0,
  attach_btf_id: 0,
  prog_flags: 0,
  license: "GPL",
  insns: "b7000000000000009500000000000000",
  kernel: { verdict: "accept", msgs: [], processed_insns: 2 },
};
