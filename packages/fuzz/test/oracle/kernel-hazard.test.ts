import { assemble } from "@ebpf/asm";
import type { Kernel } from "@ebpf/kernel";
import { describe, expect, it } from "vitest";
import { type FuzzCase, logOracle, resultOracle, specOf, verdictOracle } from "../../src/index.js";

const caseOf = (text: string): FuzzCase => ({
  spec: specOf(assemble(text, { dialect: "kernel" }).sections[0]!.instructions, { type: "socket_filter" }),
  contents: new Map(),
  input: { packet: new Uint8Array(64) },
});

const LEGACY = "r6 = r1\nr0 = *(u8 *)skb[3]\n";
const IN_FUNCTION = `call f\nexit\nf:\n${LEGACY}r0 = 0\nexit`;

/** A kernel that tells whether it was asked to load something. */
const watched = (): { readonly kernel: Kernel; readonly loads: () => number } => {
  let loads = 0;
  const load = () => {
    loads++;
    return { accepted: false, refusedBy: "loader", errorName: "EPERM", log: "" };
  };
  return { kernel: { load } as unknown as Kernel, loads: () => loads };
};

describe.each([
  ["verdict", verdictOracle],
  ["log", logOracle],
  ["result", resultOracle],
])("%s", (_name, open) => {
  it("doesn't load functions with legacy packet loads, the kind that crashed a kernel", () => {
    const { kernel, loads } = watched();
    expect(open(kernel)(caseOf(IN_FUNCTION))).toEqual({ kind: "skip", note: "may crash the kernel" });
    expect(loads()).toBe(0);
  });

  it("loads either of the two by itself", () => {
    const { kernel, loads } = watched();
    open(kernel)(caseOf(`${LEGACY}r0 = 0\nexit`));
    open(kernel)(caseOf("call f\nexit\nf:\nr0 = 0\nexit"));
    expect(loads()).toBe(2);
  });
});
