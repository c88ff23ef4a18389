import { describe, expect, it } from "vitest";
import {
  type ArgumentType,
  type ContextField,
  type ContextLayout,
  definePlatform,
  helperFor,
  linux,
  type OwnHelper,
  type OwnProgramType,
  PlatformError,
  type PlatformErrorCode,
  type PlatformParts,
} from "../src/index.js";

const field = (name: string, offset: number, more: Partial<ContextField> = {}): ContextField => ({
  name,
  offset,
  size: 4,
  access: 4,
  value: "scalar",
  readable: true,
  writable: false,
  narrow: false,
  ...more,
});

const context = (...fields: readonly ContextField[]): ContextLayout => ({ name: "request", size: 16, fields });

const EMPTY: ContextLayout = { name: "nothing", size: 0, fields: [] };

const type = (layout: ContextLayout, more: Partial<OwnProgramType> = {}): PlatformParts => ({
  name: "test",
  programTypes: { filter: { context: layout, ...more } },
});

const own = (more: Partial<OwnHelper>): OwnHelper => ({
  id: 1000,
  name: "answer",
  arguments: [],
  returns: { kind: "scalar" },
  ...more,
});

const helpers = (...list: readonly Partial<OwnHelper>[]): PlatformParts => ({
  ...type(EMPTY),
  helpers: list.map(own),
});

const takes = (...list: readonly ArgumentType[]): PlatformParts => helpers({ arguments: list });

const MAP: ArgumentType = { kind: "map", types: ["hash"] };
const BYTES: ArgumentType = { kind: "memory", access: "read" };
const SIZE: ArgumentType = { kind: "size", zero: false };

describe("definePlatform", () => {
  it("knows what it is given, and nothing else", () => {
    const platform = definePlatform({ ...type(context(field("a", 0))), helpers: [own({})] });
    expect(Object.keys(platform.programTypes)).toEqual(["filter"]);
    expect([...platform.helpers.keys()]).toEqual([1000]);
    expect(platform.helpers.get(1000)!.returnClass).toBe("signed32");
    expect(platform.limits).toEqual(linux.limits);
    expect(platform.programTypes.constructor).toBeUndefined();
    expect(linux.programTypes.constructor).toBeUndefined();
  });

  it("lends helpers of Linux to its own types, and only to those that ask", () => {
    const { helpers: table } = definePlatform({
      name: "test",
      programTypes: {
        reader: { context: EMPTY, helpers: ["map_lookup_elem", "ktime_get_ns"] },
        clock: { context: EMPTY, helpers: ["ktime_get_ns"] },
      },
    });
    const callers = (id: number) =>
      ["reader", "clock", "xdp"].filter((name) => helperFor(table.get(id)!, { type: name }));
    expect([...table.keys()].sort()).toEqual([1, 5]);
    expect(callers(1)).toEqual(["reader"]);
    expect(callers(5)).toEqual(["reader", "clock"]);
  });

  it("adds to a base", () => {
    const platform = definePlatform({
      name: "linux and more",
      base: linux,
      programTypes: { filter: { context: EMPTY, helpers: ["ktime_get_ns"] } },
      helpers: [own({ arguments: [MAP] })],
      limits: { stack: 256 },
    });
    expect(platform.programTypes.xdp).toBe(linux.programTypes.xdp);
    const clock = platform.helpers.get(5)!;
    expect(helperFor(clock, { type: "filter" }) && helperFor(clock, { type: "xdp" })).toBeDefined();
    expect(platform.mapTypes.hash!.helpers).toContain("answer");
    expect(platform.mapTypes.array!.helpers).not.toContain("answer");
    expect(platform.limits).toEqual({ ...linux.limits, stack: 256 });
    // Linux itself is as it was.
    expect(linux.mapTypes.hash!.helpers).not.toContain("answer");
    expect(helperFor(linux.helpers.get(5)!, { type: "filter" })).toBeUndefined();
  });

  it("gives maps of its own types the rules of those that they are stored as", () => {
    const { mapTypes } = definePlatform({
      ...type(EMPTY),
      mapTypes: { quota: { storedAs: "array", atMost: { maxEntries: 8 } } },
      helpers: [own({ arguments: [{ kind: "map", types: ["quota"] }, { kind: "map_key" }] })],
    });
    expect(mapTypes.quota).toMatchObject({ storedAs: "array", allPresent: true, atMost: { maxEntries: 8 } });
    expect(mapTypes.quota).not.toHaveProperty("structure");
    expect(mapTypes.quota!.helpers).toEqual([...linux.mapTypes.array!.helpers, "answer"]);
  });

  it("takes a context with a packet for one that helpers may read", () => {
    const body = [field("data", 0, { value: "packet" }), field("end", 4, { value: "packet_end" })];
    expect(definePlatform(type(context(...body))).programTypes.filter!.packetReadable).toBe(true);
  });

  it.each<[string, PlatformErrorCode, PlatformParts]>([
    ["fields that overlap", "BAD_CONTEXT", type(context(field("a", 0, { size: 8 }), field("b", 4)))],
    ["a field behind the end", "BAD_CONTEXT", type(context(field("a", 16)))],
    ["a field at no offset", "BAD_CONTEXT", type(context(field("a", -4)))],
    ["a field of no bytes", "BAD_CONTEXT", type(context(field("a", 0, { size: 0 })))],
    ["a field that isn't aligned", "BAD_CONTEXT", type(context(field("a", 2)))],
    ["a field of half an element", "BAD_CONTEXT", type(context(field("a", 0, { size: 6 })))],
    ["elements of three bytes", "BAD_CONTEXT", type(context(field("a", 0, { size: 3, access: 3 as 4 })))],
    ["two fields of one name", "BAD_NAME", type(context(field("a", 0), field("a", 4)))],
    ["a context out of reach", "BAD_CONTEXT", type({ ...EMPTY, size: 1 << 20 })],
    ["a packet without an end", "BAD_CONTEXT", type(context(field("a", 0, { value: "packet" })))],
    [
      "a packet's context of 12 bytes",
      "BAD_CONTEXT",
      type({ ...context(field("length", 0, { holds: "packet_length" })), size: 12 }),
    ],
    ["metadata without a packet", "BAD_CONTEXT", type(context(field("a", 0, { value: "packet_meta" })))],
    ["a socket", "BAD_CONTEXT", type(context(field("sk", 0, { size: 8, access: 8, value: "sock" })))],
    [
      "a pointer that can be written",
      "BAD_CONTEXT",
      type(context(field("a", 0, { value: "packet", writable: true }), field("b", 4, { value: "packet_end" }))),
    ],
    [
      "a length of two bytes",
      "BAD_CONTEXT",
      type(context(field("a", 0, { size: 2, access: 2, holds: "packet_length" }))),
    ],
    ["a packet that isn't there", "BAD_PROGRAM_TYPE", type(EMPTY, { packetWritable: true })],
    ["an empty range", "BAD_PROGRAM_TYPE", type(EMPTY, { exit: [{ range: [1, 0] }] })],
    ["a type that can't be called so", "BAD_NAME", { name: "test", programTypes: { "a type": { context: EMPTY } } }],
    ["a type that the base has", "BAD_NAME", { name: "test", base: linux, programTypes: { xdp: { context: EMPTY } } }],
    ["a helper that Linux hasn't", "UNKNOWN_NAME", type(EMPTY, { helpers: ["map_find_elem"] })],
    ["a helper for sockets alone", "BAD_HELPER", type(EMPTY, { helpers: ["get_retval"] })],
    [
      "a number of Linux's that is lent",
      "DUPLICATE_HELPER",
      {
        ...type(EMPTY, { helpers: ["map_lookup_elem"] }),
        helpers: [own({ id: 1 })],
      },
    ],
    ["a number of the base's", "DUPLICATE_HELPER", { name: "test", base: linux, helpers: [own({ id: 7 })] }],
    ["one number twice", "DUPLICATE_HELPER", helpers({}, { name: "other" })],
    ["one name twice", "BAD_NAME", helpers({}, { id: 1001 })],
    ["a name of Linux's", "BAD_NAME", helpers({ name: "bpf_answer" })],
    ["a name of Linux's without its prefix", "BAD_NAME", helpers({ name: "map_lookup_elem" })],
    ["number 0", "BAD_HELPER", helpers({ id: 0 })],
    ["a number beyond 31 bits", "BAD_HELPER", helpers({ id: 2 ** 31 })],
    ["six arguments", "BAD_HELPER", takes(...Array.from({ length: 6 }, (): ArgumentType => ({ kind: "anything" })))],
    ["memory of any size", "BAD_HELPER", takes(BYTES, { kind: "scalar" })],
    ["memory of no size", "BAD_HELPER", takes({ ...BYTES, size: 0 })],
    ["a size of nothing", "BAD_HELPER", takes(SIZE)],
    ["a size of sized memory", "BAD_HELPER", takes({ ...BYTES, size: 8 }, SIZE)],
    ["a key of no map", "BAD_HELPER", takes({ kind: "map_key" }, MAP)],
    ["a map of any type", "BAD_HELPER", takes({ kind: "map" })],
    ["a map of no type", "UNKNOWN_NAME", takes({ kind: "map", types: ["quota"] })],
    ["a kernel object", "BAD_HELPER", takes({ kind: "kernel_object" })],
    ["a function that nobody calls", "BAD_HELPER", takes({ kind: "function" })],
    ["callbacks of no function", "BAD_HELPER", helpers({ callback: ["scalar"] })],
    [
      "callbacks with a map that isn't there",
      "BAD_HELPER",
      helpers({ arguments: [{ kind: "function" }], callback: ["map", "map_key"] }),
    ],
    ["a map's value of no map", "BAD_HELPER", helpers({ returns: { kind: "map_value_or_null" } })],
    ["memory of no known size", "BAD_HELPER", helpers({ returns: { kind: "memory_or_null" } })],
    ["a result of no kind", "BAD_HELPER", helpers({ returns: { kind: "unsupported", type: "task" } })],
    ["a number that must be given back", "BAD_HELPER", helpers({ acquires: true })],
    ["a number that is given back", "BAD_HELPER", helpers({ arguments: [{ kind: "scalar" }], releases: 0 })],
    [
      "an address cut to a signed number",
      "BAD_HELPER",
      helpers({
        arguments: [MAP],
        returns: { kind: "map_value" },
        returnClass: "signed32",
      }),
    ],
    ["a type that nobody defines", "UNKNOWN_NAME", helpers({ programTypes: ["sieve"] })],
    [
      "a store of programs",
      "BAD_MAP_TYPE",
      { name: "test", mapTypes: { mine: { storedAs: "prog_array" as "array" } } },
    ],
    [
      "a limit below nothing",
      "BAD_MAP_TYPE",
      {
        name: "test",
        mapTypes: { mine: { storedAs: "array", atMost: { maxEntries: -1 } } },
      },
    ],
    ["a type of map that Linux has", "BAD_NAME", { name: "test", mapTypes: { hash: { storedAs: "hash" } } }],
    ["more stack than engines have", "BAD_LIMIT", { name: "test", limits: { stack: 1024 } }],
    ["a limit of nothing", "BAD_LIMIT", { name: "test", limits: { instructions: 0 } }],
    ["no CPU", "BAD_LIMIT", { name: "test", cpus: 0 }],
  ])("refuses %s", (_name, code, parts) => {
    const failure = (() => {
      try {
        return definePlatform(parts);
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(PlatformError);
    expect(failure).toMatchObject({ code });
  });
});
