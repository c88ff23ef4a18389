import { type ContextLayout, objectOffsets } from "@ebpf/platform";
import { CELL, CONTEXT_BASE, EMPTY_OBJECT, ETHERNET_HEADER, PACKET_BASE } from "@ebpf/runtime";
import { type Run, storeCell, writeRun } from "./run.js";
import type { Code } from "./wasm/code.js";
import type { FunctionReference, ModuleBuilder } from "./wasm/module.js";

/** `(length) → r0 low`: one run on the packet at `PACKET_BASE`, with a context that describes it. */
export const defineRunOnPacket = (
  module: ModuleBuilder,
  name: string,
  run: Run,
  layout: ContextLayout,
): FunctionReference => {
  const defined = module.define(name, ["i32"], ["i32"]);
  const { code } = defined;
  const LENGTH = 0;
  const start = () => code.i32(PACKET_BASE);
  const end = () => code.get(LENGTH).i32(PACKET_BASE).op("i32.add");
  clearContext(code, layout.size);
  storeCell(code, CELL.packetMeta, start);
  storeCell(code, CELL.packetData, start);
  storeCell(code, CELL.packetEnd, end);
  for (const { holds, value, offset } of layout.fields) {
    const address = CONTEXT_BASE + offset;
    if (value === "packet" || value === "packet_meta") storeCell(code, address, start);
    else if (value === "packet_end") storeCell(code, address, end);
    else if (holds === "protocol") storeCell(code, address, () => etherType(code, LENGTH));
    else if (holds !== undefined) storeCell(code, address, () => code.get(LENGTH));
  }
  for (const offset of objectOffsets(layout)) storeCell(code, CONTEXT_BASE + offset, () => code.i32(EMPTY_OBJECT));
  writeRun(module, code, run, () => code.i32(CONTEXT_BASE));
  return defined;
};

/** Zeroes the context in words of 8 bytes; the last may overlap the one before. A short `memory.fill` takes longer. */
const clearContext = (code: Code, size: number): void => {
  for (let at = 0; at < size; at += 8) {
    code
      .i32(0)
      .i64(0)
      .memory("i64.store", CONTEXT_BASE + Math.min(at, size - 8));
  }
};

/** The type of the Ethernet frame as it stands in the packet; 0 when that is too short. */
const etherType = (code: Code, length: number): Code => {
  const AT = 12;
  code.get(length).i32(ETHERNET_HEADER).op("i32.ge_u").open("if", "i32");
  return code
    .i32(0)
    .memory("i32.load16_u", PACKET_BASE + AT)
    .op("else")
    .i32(0)
    .op("end");
};
