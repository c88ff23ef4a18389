import { describe, expect, it } from "vitest";
import {
  ATTACH_TYPES,
  attachTypeNumber,
  MAP_TYPES,
  mapTypeNumber,
  PROGRAM_TYPES,
  parseSectionName,
  programTypeNumber,
  SECTION_RULES,
} from "../src/index.js";

describe("section names", () => {
  it.each([
    ["xdp", "xdp", "xdp", undefined],
    ["xdp.frags/devmap", "xdp", "xdp_devmap", undefined],
    ["tc", "sched_cls", undefined, undefined],
    ["kprobe/do_unlinkat", "kprobe", undefined, "do_unlinkat"],
    ["kprobe", "kprobe", undefined, undefined],
    ["tracepoint/syscalls/sys_enter_openat", "tracepoint", undefined, "syscalls/sys_enter_openat"],
    ["cgroup_skb/ingress", "cgroup_skb", "cgroup_inet_ingress", undefined],
    ["fentry.s/vfs_read", "tracing", "trace_fentry", "vfs_read"],
  ])("%s is a program of type %s", (name, programType, attachType, target) => {
    const meaning = parseSectionName(name);
    expect(meaning?.rule.programType).toBe(programType);
    expect(meaning?.rule.attachType).toBe(attachType);
    expect(meaning?.target).toBe(target);
    expect(meaning?.autoload).toBe(true);
  });

  it("begin with a question mark when the program is optional", () => {
    expect(parseSectionName("?xdp")).toMatchObject({ autoload: false, rule: { programType: "xdp" } });
  });

  it.each(["", "xdpx", "xdp/", "socketry", ".text", "kprobes/x"])("%j means nothing", (name) => {
    expect(parseSectionName(name)).toBeUndefined();
  });

  it.each([
    ["tp_btf.s/sched_switch", "tracing", "trace_raw_tp", true],
    ["fsession/vfs_read", "tracing", "trace_fsession", undefined],
    ["fexit.multi.s/vfs_*", "tracing", "trace_fexit_multi", true],
    ["raw_tp.s/x", "raw_tracepoint", undefined, true],
  ])("%s, as libbpf 1.8 has it", (name, programType, attachType, sleepable) => {
    const rule = parseSectionName(name)?.rule;
    expect([rule?.programType, rule?.attachType, rule?.sleepable]).toEqual([programType, attachType, sleepable]);
  });

  it("stand once in the table, which has libbpf's 116", () => {
    expect(SECTION_RULES).toHaveLength(116);
    expect(new Set(SECTION_RULES.map((rule) => rule.section)).size).toBe(SECTION_RULES.length);
  });
});

describe("numbers of Linux's uapi", () => {
  // A few of each enumeration, from include/uapi/linux/bpf.h.
  it.each([
    ["xdp", 6],
    ["tracing", 26],
    ["netfilter", 32],
  ] as const)("program type %s is %d", (name, number) => expect(programTypeNumber(name)).toBe(number));

  it.each([
    ["trace_fentry", 24],
    ["xdp", 37],
    ["tcx_ingress", 46],
  ] as const)("attach type %s is %d", (name, number) => expect(attachTypeNumber(name)).toBe(number));

  it.each([
    ["array", 2],
    ["ringbuf", 27],
    ["arena", 33],
  ] as const)("map type %s is %d", (name, number) => expect(mapTypeNumber(name)).toBe(number));

  it("are unique", () => {
    for (const names of [PROGRAM_TYPES, ATTACH_TYPES, MAP_TYPES])
      expect(new Set<string>(names).size).toBe(names.length);
  });
});
