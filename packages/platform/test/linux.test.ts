import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { helperFor, linux } from "../src/index.js";

const HEADER = "/usr/include/linux/bpf.h";

describe("Linux as data", () => {
  it("has helpers 1 to 211, each name once", () => {
    expect([...linux.helpers.keys()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 211 }, (_, index) => index + 1),
    );
    expect(new Set([...linux.helpers.values()].map(({ name }) => name)).size).toBe(211);
  });

  it.skipIf(!existsSync(HEADER))(`names helpers as ${HEADER} does (skipped where it is not installed)`, () => {
    const names = [...readFileSync(HEADER, "utf8").matchAll(/^\tFN\((\w+)(?:, (\d+), \S*)?\),?/gm)].map(
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThan(200);
    names.forEach((name, id) => {
      if (id > 0) expect(linux.helpers.get(id)?.name).toBe(`bpf_${name}`);
    });
  });

  it("knows who may call a helper", () => {
    const load = linux.helpers.get(26)!;
    expect(load.name).toBe("bpf_skb_load_bytes");
    expect(helperFor(load, { type: "sched_cls" })).toBeDefined();
    expect(helperFor(load, { type: "xdp" })).toBeUndefined();
    const bind = linux.helpers.get(64)!;
    expect(helperFor(bind, { type: "cgroup_sock_addr", attachType: "cgroup_inet4_connect" })).toBeDefined();
    expect(helperFor(bind, { type: "cgroup_sock_addr", attachType: "cgroup_inet4_bind" })).toBeUndefined();
    // No attach type is number 0, cgroup_inet_ingress, for which there is no return value to get.
    const returnValue = linux.helpers.get(186)!;
    expect(helperFor(returnValue, { type: "cgroup_sysctl" })).toBeUndefined();
    expect(helperFor(returnValue, { type: "cgroup_sysctl", attachType: "cgroup_sysctl" })).toBeDefined();
  });

  it("lays context fields out without overlap, inside of the context", () => {
    for (const [type, rules] of Object.entries(linux.programTypes)) {
      let end = 0;
      for (const { name, offset, size } of [...rules.context.fields].sort((a, b) => a.offset - b.offset)) {
        expect(offset, `${type} ${name}`).toBeGreaterThanOrEqual(end);
        end = offset + size;
      }
      expect(end).toBeLessThanOrEqual(rules.context.size);
    }
  });
});
