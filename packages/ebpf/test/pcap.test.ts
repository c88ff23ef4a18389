import { readFileSync } from "node:fs";
import { MalformedError } from "@ebpf/core";
import { describe, expect, it } from "vitest";
import { readPcap } from "../src/index.js";

const traffic = new Uint8Array(readFileSync(new URL("../../../examples/traffic.pcap", import.meta.url)));

/** A capture of one packet, written by hand from draft-ietf-opsawg-pcap. */
const capture = (
  options: { magic?: number; little?: boolean; linkType?: number; length?: number } = {},
): Uint8Array => {
  const { magic = 0xa1b2c3d4, little = true, linkType = 1, length = 3 } = options;
  const view = new DataView(new ArrayBuffer(24 + 16 + 3));
  view.setUint32(0, magic, little);
  view.setUint32(20, linkType, little);
  view.setUint32(24, 7, little);
  view.setUint32(28, 5, little);
  view.setUint32(32, length, little);
  view.setUint32(36, 60, little);
  new Uint8Array(view.buffer).set([0xaa, 0xbb, 0xcc], 40);
  return new Uint8Array(view.buffer);
};

const failureOf = (bytes: Uint8Array): MalformedError => {
  try {
    readPcap(bytes, "x.pcap");
  } catch (error) {
    if (error instanceof MalformedError) return error;
    throw error;
  }
  throw new Error("the capture was read");
};

describe("readPcap", () => {
  it.each([
    ["little-endian microseconds", {}, 7_000_005_000n],
    ["big-endian microseconds", { little: false }, 7_000_005_000n],
    ["nanoseconds", { magic: 0xa1b23c4d }, 7_000_000_005n],
  ])("reads %s", (_, options, timeNs) => {
    expect(readPcap(capture(options))).toEqual([
      { timeNs, bytes: Uint8Array.of(0xaa, 0xbb, 0xcc), originalLength: 60 },
    ]);
  });

  it("reads all packets of the example", () => {
    expect(readPcap(traffic)).toHaveLength(240);
  });

  it.each([
    ["nothing", new Uint8Array(0), "TRUNCATED", 0],
    ["another format", capture({ magic: 0x0a0d0d0a }), "BAD_VALUE", 0],
    ["another link type", capture({ linkType: 101 }), "UNSUPPORTED", 20],
    ["a cut-off header", capture().subarray(0, 20), "TRUNCATED", 20],
    ["a cut-off record", capture().subarray(0, 30), "TRUNCATED", 32],
    ["a cut-off packet", capture().subarray(0, 42), "OUT_OF_RANGE", 40],
    ["a packet of 4 GiB", capture({ length: 0xffff_ffff }), "OUT_OF_RANGE", 40],
  ])("refuses %s", (_, bytes, code, offset) => {
    expect(failureOf(bytes)).toMatchObject({ code, offset });
    expect(failureOf(bytes).message).toContain("x.pcap");
  });

  it("reads or refuses every prefix of a capture", () => {
    for (let length = 0; length < 400; length++) {
      const bytes = traffic.subarray(0, length);
      try {
        expect(readPcap(bytes).every((packet) => packet.bytes.length > 0)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedError);
      }
    }
  });
});
