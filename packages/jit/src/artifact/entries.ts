import { CELL, ETHERNET_HEADER, HEADER_OFFSET, type RuntimeMap } from "@ebpf/runtime";
import type { MapOperations } from "../inline/map-operations.js";
import type { ProgramEntries } from "../module.js";
import { storeCell } from "../run.js";
import type { Code } from "../wasm/code.js";

/** A program of the module, as tail calls and callbacks reach it. */
export interface Reachable extends ProgramEntries {
  /** What program arrays hold for it. */
  readonly number: number;
  /** What is added to a slot to name a function of this program in the whole module. */
  readonly functionBase: number;
}

/** `(function, frame, r1 low, …) → r0 low`: runs a function of any of the programs. */
export const writeCallback = (code: Code, programs: readonly Reachable[]): void => {
  const FUNCTION = 0;
  for (const { callback, functionBase } of [...programs].reverse()) {
    code.get(FUNCTION).i32(functionBase).op("i32.ge_u").open("if");
    code.get(FUNCTION).i32(functionBase).op("i32.sub");
    for (let word = 1; word < callback.signature.parameters.length; word++) code.get(word);
    code.call(callback).op("return", "end");
  }
  code.op("unreachable");
};

/** `(context, map, index) → number of the program, or 0`: decides a tail call and counts it. */
export const writeTailCallTarget = (code: Code, maps: readonly RuntimeMap[], operations: MapOperations): void => {
  const [MAP, INDEX] = [1, 2] as const;
  const target = code.local("i32", "target");
  for (const map of maps.filter(({ spec }) => spec.type === "prog_array")) {
    const { data, entrySize, maxEntries } = operations.place(map);
    code.get(MAP).i32(map.handle).op("i32.eq").get(INDEX).i32(maxEntries).op("i32.lt_u", "i32.and").open("if");
    code.get(INDEX).i32(entrySize).op("i32.mul").memory("i32.load", data).set(target).op("end");
  }
  code.get(target).op("i32.eqz").i32(0).memory("i32.load", CELL.tailCalls).op("i32.eqz", "i32.or").open("if");
  code.i32(0).op("return", "end");
  storeCell(code, CELL.tailCalls, () => code.i32(0).memory("i32.load", CELL.tailCalls).i32(1).op("i32.sub"));
  code.get(target);
};

/** `(offset, size) → value`: the legacy loads of `loadFromPacket`, with 1 in `CELL.resultHigh` when there are no such bytes. */
export const writeLoadFromPacket = (code: Code): void => {
  const [OFFSET, SIZE] = [0, 1] as const;
  const address = code.local("i32", "address");
  code.get(OFFSET).i32(0).op("i32.lt_s").open("if");
  code.get(OFFSET).i32(HEADER_OFFSET.network).op("i32.lt_s").open("if", "i32");
  code.i32(-HEADER_OFFSET.link).op("else");
  code.i32(ETHERNET_HEADER - HEADER_OFFSET.network).op("end");
  code.get(OFFSET).op("i32.add").set(OFFSET).op("end");
  code.i32(0).memory("i32.load", CELL.packetData).get(OFFSET).op("i32.add").set(address);
  storeCell(code, CELL.resultHigh, () => {
    code.get(OFFSET).i32(0).op("i32.lt_s");
    code.get(address).get(SIZE).op("i32.add").i32(0).memory("i32.load", CELL.packetEnd);
    return code.op("i32.gt_u", "i32.or");
  });
  code.i32(0).memory("i32.load", CELL.resultHigh).open("if");
  code.i32(0).op("return", "end");
  for (const [size, load] of [
    [1, "i32.load8_u"],
    [2, "i32.load16_u"],
  ] as const) {
    code.get(SIZE).i32(size).op("i32.eq").open("if");
    code.get(address).memory(load).set(address);
    if (size === 2) code.get(address).i32(8).op("i32.shl").get(address).i32(8).op("i32.shr_u", "i32.or");
    else code.get(address);
    code.i32(2 ** (8 * size) - 1).op("i32.and", "return", "end");
  }
  code.get(address).memory("i32.load").tee(address).i32(0x00ff00ff).op("i32.and").i32(8).op("i32.rotr");
  code.get(address).i32(8).op("i32.rotl").i32(0x00ff00ff).op("i32.and", "i32.or");
};
