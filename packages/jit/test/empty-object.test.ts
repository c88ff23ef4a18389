import { interpret, Runtime, verifiedContext } from "@ebpf/runtime";
import { verify } from "@ebpf/verifier";
import { describe, expect, it } from "vitest";
import { program } from "../../verifier/test/programs.js";
import { compile } from "../src/index.js";

/*
 * Linux always gives these programs a socket. The verifier therefore never follows the way that there is none, and what
 * stands there may be anything: here a write through a number.
 */
const spec = program(
  `r0 = *(u64 *)(r1 + 0)
  if r0 == 0 goto none
  r2 = *(u32 *)(r0 + 4)
  r0 = 1
  if r2 == 0 goto +1
  r0 = 0
  exit
  none: r1 = 0x50000
  *(u64 *)(r1 + 0) = 1
  exit`,
  { type: "cgroup_sockopt", attachType: "cgroup_getsockopt" },
);

describe("a socket that is always there", () => {
  const { verdict, facts } = verify(spec);
  const runtime = new Runtime({ memoryPages: 8 });
  const engines = {
    interpreter: interpret(spec, runtime, { checked: false }),
    checked: interpret(spec, runtime, { checked: true }),
    "checked and compiled": compile(spec, runtime, { checked: true }),
    baseline: compile(spec, runtime, { checked: false, tier: "baseline" }),
    optimized: compile(spec, runtime, { checked: false, facts }),
  };

  it("is accepted by the verifier without a test", () => {
    expect(verdict).toBe("accept");
  });

  it.each(Object.entries(engines))("is an object of zeros in the %s", (_name, engine) => {
    const layout = runtime.platform.programTypes.cgroup_sockopt!.context;
    const inputs = [
      { packet: new Uint8Array(16) },
      { context: verifiedContext(layout, new Uint8Array(8).fill(0xff)) },
      { context: verifiedContext(layout, new Uint8Array(0)) },
    ];
    for (const input of inputs) expect(runtime.run(engine, input).returnValue).toBe(1n);
    const results = new Uint32Array(2);
    runtime.bind(engine).runPackets([new Uint8Array(20), new Uint8Array(30)], results);
    expect([...results]).toEqual([1, 1]);
  });
});
