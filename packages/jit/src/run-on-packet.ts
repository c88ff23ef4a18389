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
  const length = 0;
  const start = code.local("i32");
  code.i32(PACKET_BASE).set(start);
  describePacket(code, layout, start, length);
  writeRun(module, code, run, () => code.i32(CONTEXT_BASE));
  return defined;
};

/** `(count, words)`: one run on each of `count` packets, as `Executable.runOnPackets` says. */
export const defineRunOnPackets = (
  module: ModuleBuilder,
  name: string,
  run: Run,
  layout: ContextLayout,
): FunctionReference => {
  const defined = module.define(name, ["i32", "i32"], []);
  const { code } = defined;
  const [left, word] = [0, 1];
  const start = code.local("i32");
  const length = code.local("i32");
  code.i32(PACKET_BASE).set(start);
  const done = code.open("block");
  const next = code.open("loop");
  code.get(left).op("i32.eqz").brIf(done);
  code.get(word).memory("i32.load").set(length);
  describePacket(code, layout, start, length);
  code.get(word);
  writeRun(module, code, run, () => code.i32(CONTEXT_BASE));
  code.memory("i32.store");
  code.get(start).get(length).op("i32.add").set(start);
  code.get(word).i32(4).op("i32.add").set(word);
  code.get(left).i32(1).op("i32.sub").set(left);
  code.br(next).op("end", "end");
  return defined;
};

/** Sets the bounds of the packet that two locals tell, and fills the context that describes it. */
const describePacket = (code: Code, layout: ContextLayout, start: number, length: number): void => {
  const pushStart = () => code.get(start);
  const pushEnd = () => code.get(start).get(length).op("i32.add");
  storeCell(code, CELL.packetMeta, pushStart);
  storeCell(code, CELL.packetData, pushStart);
  storeCell(code, CELL.packetEnd, pushEnd);
  const described = new Map<number, () => Code>();
  for (const { holds, value, offset } of layout.fields) {
    if (value === "packet" || value === "packet_meta") described.set(offset, pushStart);
    else if (value === "packet_end") described.set(offset, pushEnd);
    else if (holds === "protocol") described.set(offset, () => etherType(code, start, length));
    else if (holds !== undefined) described.set(offset, () => code.get(length));
  }
  for (const offset of objectOffsets(layout)) described.set(offset, () => code.i32(EMPTY_OBJECT));
  clearContext(code, layout.size, (at) => described.has(at));
  for (const [offset, push] of described) storeCell(code, CONTEXT_BASE + offset, push);
};

/** Zeroes the context, but for words that are written behind this. A short `memory.fill` takes longer than the single stores. */
const clearContext = (code: Code, size: number, isWritten: (at: number) => boolean): void => {
  for (let at = 0; at < size; ) {
    const address = CONTEXT_BASE + at;
    if (isWritten(at)) {
      at += 4;
    } else if (at + 8 <= size && !isWritten(at + 4)) {
      code.i32(0).i64(0).memory("i64.store", address);
      at += 8;
    } else if (at + 4 <= size) {
      code.i32(0).i32(0).memory("i32.store", address);
      at += 4;
    } else {
      code.i32(0).i32(0).memory("i32.store8", address);
      at += 1;
    }
  }
};

/** The type of the Ethernet frame as it stands in the packet; 0 when that is too short. */
const etherType = (code: Code, start: number, length: number): Code => {
  const AT = 12;
  code.get(length).i32(ETHERNET_HEADER).op("i32.ge_u").open("if", "i32");
  return code.get(start).memory("i32.load16_u", AT).op("else").i32(0).op("end");
};
