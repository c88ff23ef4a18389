import { readFileSync } from "node:fs";
import { EbpfError } from "@ebpf/core";
import { describe, expect, it } from "vitest";
import { load } from "../src/index.js";

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof EbpfError) return error.code;
    throw error;
  }
  return "nothing was thrown";
};

describe("maps typed by BTF", () => {
  it("get, set, delete and iterate", () => {
    const { blocklist } = load(read("examples/xdp_firewall.o")).maps;
    const value = { since_ns: 5n, dropped: 2n ** 63n };
    blocklist!.set(0x0100007f, value);
    expect(blocklist!.get(0x0100007f)).toEqual(value);
    expect([...blocklist!]).toEqual([[0x0100007f, value]]);
    expect(blocklist!.size).toBe(1);
    expect(blocklist!.delete(0x0100007f)).toBe(true);
    expect(blocklist!.delete(0x0100007f)).toBe(false);
    expect(blocklist!.get(0x0100007f)).toBeUndefined();
  });

  it("take bytes as they are", () => {
    const { blocklist } = load(read("examples/xdp_firewall.o")).maps;
    blocklist!.set(Uint8Array.of(127, 0, 0, 1), new Uint8Array(16).fill(1));
    expect(blocklist!.get(0x0100007f)).toEqual({ since_ns: 0x0101010101010101n, dropped: 0x0101010101010101n });
  });

  it("keep structures as keys apart", () => {
    const { samples } = load(read("examples/flow_sampler.o")).maps;
    const key = { source: 1, destination: 2, source_port: 3, destination_port: 4 };
    samples!.set(key, { packets: 1, last_length: 60 });
    samples!.set({ ...key, source_port: 5 }, { packets: 2, last_length: 61 });
    expect(samples!.get(key)).toEqual({ packets: 1, last_length: 60 });
    expect(samples!.size).toBe(2);
  });

  it("say what they refuse", () => {
    const { maps } = load(read("examples/xdp_firewall.o"));
    const { blocklist, protocols } = maps;
    const value = { since_ns: 0n, dropped: 0n };
    blocklist!.set(1, value);
    expect(codeOf(() => blocklist!.set(1, value, "new"))).toBe("MAP_EXISTS");
    expect(codeOf(() => blocklist!.set(2, value, "existing"))).toBe("MAP_MISSING");
    for (let key = 2; key <= 1024; key++) blocklist!.set(key, value);
    expect(codeOf(() => blocklist!.set(1025, value))).toBe("MAP_FULL");
    expect(codeOf(() => protocols!.set(5, { packets: 0n, bytes: 0n }))).toBe("MAP_FULL");
    expect(codeOf(() => protocols!.set(0, { packets: -1n, bytes: 0n }))).toBe("VALUE_RANGE");
    expect(codeOf(() => protocols!.set(new Uint8Array(3), { packets: 0n, bytes: 0n }))).toBe("BAD_LENGTH");
    expect(codeOf(() => protocols!.push(1))).toBe("BAD_OPERATION");
    expect(codeOf(() => protocols!.drain())).toBe("BAD_OPERATION");
  });

  it("decode records only by a type that the object has", () => {
    const { events } = load(read("examples/trace_events.o")).maps;
    expect(codeOf(() => events!.drain("no_event"))).toBe("NO_TYPE");
    expect(events!.drain("open_event")).toEqual([]);
  });
});

describe("global variables", () => {
  it("are read and set, but constants only before loading", () => {
    const { variables, programs } = load(read("examples/flow_sampler.o"), { variables: { sample_rate: 1 } });
    expect(variables.get("sample_rate")).toBe(1);
    expect(variables.get("seeds")).toEqual([0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]);
    variables.set("seen", 7);
    const packet = new Uint8Array(64);
    packet.set([0x08, 0x00, 0x45], 12);
    programs.flow_sampler!.run({ packet });
    expect(variables.get("seen")).toBe(8);
    expect(codeOf(() => variables.set("sample_rate", 2))).toBe("BAD_OPERATION");
    expect(codeOf(() => variables.get("nothing"))).toBe("NO_VARIABLE");
  });
});
