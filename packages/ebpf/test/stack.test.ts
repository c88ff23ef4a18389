import { assemble } from "@ebpf/asm";
import { writeObject } from "@ebpf/elf";
import { describe, expect, it } from "vitest";
import { type LoadOptions, load } from "../src/index.js";

/*
 * Linux lets privileged programs read stack that they never wrote. What they find must not be what another program left
 * there: `spill` writes all of its frame and of that of a function that it calls, `read` returns what it finds in both.
 */
const fill = Array.from({ length: 16 }, (_, n) => `*(u64 *)(r10 - ${8 * (n + 1)}) = -1`).join("\n");
const functions: Readonly<Record<string, { readonly section: string; readonly body: string }>> = {
  spill: { section: "xdp", body: `${fill}\ncall dirty\nr0 = 2\nexit` },
  read: {
    section: "xdp",
    body: "r6 = *(u64 *)(r10 - 128)\ncall find\nr0 |= r6\nr1 = *(u64 *)(r10 - 8)\nr0 |= r1\nexit",
  },
  dirty: { section: ".text", body: `${fill}\nr0 = 0\nexit` },
  find: { section: ".text", body: "r0 = *(u64 *)(r10 - 64)\nexit" },
};
const text = Object.entries(functions).map(
  ([name, { section, body }]) =>
    `.section ${section},"ax"\n${section === "xdp" ? `.globl ${name}\n` : ""}.type ${name},@function\n${name}:\n${body}`,
);
const object = writeObject({ assembly: assemble(text.join("\n"), { dialect: "kernel" }), license: "GPL" });

const ENGINES: Readonly<Record<string, LoadOptions>> = {
  interpreter: { engine: "interpreter" },
  baseline: { tier: "baseline" },
  optimized: { tier: "optimized" },
};

describe.each(Object.entries(ENGINES))("stack that a program never wrote, in the %s", (_engine, options) => {
  it("holds zeros, however the program is run", () => {
    const { programs } = load(object, options);
    const { spill, read } = programs as Record<string, (typeof programs)[string]>;
    const packet = new Uint8Array(14);
    const [spills, reads] = [spill!.bind(), read!.bind()];
    const results = new Uint32Array(1);
    expect(spill!.run({ packet }).returnValue).toBe(2);
    expect(read!.run({ packet }).r0).toBe(0n);
    spills.runPackets([packet], results);
    reads.runPackets([packet], results);
    expect(results[0]).toBe(0);
    const CONTEXT = 0x20000;
    spills.run(CONTEXT);
    expect(reads.run(CONTEXT)).toBe(0);
  });

  it("is what the verifier says programs read", () => {
    const { report } = load(object, options).program("read");
    expect(report!.facts.filter((facts) => facts?.readsUninitialized === true)).toHaveLength(3);
  });
});
