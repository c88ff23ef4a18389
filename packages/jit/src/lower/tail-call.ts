import { CELL } from "@ebpf/runtime";
import type { MapPlace } from "../inline/map-code.js";
import { storeCell } from "../run.js";
import { FROM_OUTSIDE, type FunctionWriter } from "./function.js";

/** Registers of `bpf_tail_call`'s arguments. */
const CONTEXT = 1;
const MAP = 2;
const INDEX = 3;

/**
 * `bpf_tail_call`: on success the other program's result is that of the current function. Programs call each other
 * through the runtime's table; where the program array is known, which one that is is found out here too.
 */
export const lowerTailCall = (writer: FunctionWriter, pc: number): void => {
  const { code, frame, host, flow, word, program, base } = writer;
  const handle = host.checked ? undefined : flow?.knowledge.facts[pc]?.map;
  const map = handle === undefined ? undefined : host.mapOf(handle);
  if (map?.spec.type === "prog_array") pushTarget(writer, program.operations.place(map));
  else {
    for (const argument of [CONTEXT, MAP, INDEX]) writer.getLow(base + argument);
    code.call(program.module.import("tail_call_target", ["i32", "i32", "i32"], ["i32"]));
  }
  code.tee(word).open("if");
  writer
    .getLow(base + CONTEXT)
    .i32(0)
    .get(frame)
    .get(word);
  code.callIndirect(program.module.table(FROM_OUTSIDE));
  writer.exitWithResult();
  code.op("end").i64(-1);
  writer.set(base);
};

/** Leaves the number of the program at the index on the stack and counts the call; 0 when there is none, or no call left. */
const pushTarget = (writer: FunctionWriter, { data, entrySize, maxEntries }: MapPlace): void => {
  const { code, word, base } = writer;
  writer
    .getLow(base + INDEX)
    .tee(word)
    .i32(maxEntries)
    .op("i32.lt_u")
    .open("if", "i32");
  code.get(word).i32(entrySize).op("i32.mul").memory("i32.load", data).op("else").i32(0).op("end").set(word);
  const pushLeft = () => code.i32(0).memory("i32.load", CELL.tailCalls);
  pushLeft().i32(0).op("i32.ne").get(word).i32(0).op("i32.ne", "i32.and").open("if", "i32");
  storeCell(code, CELL.tailCalls, () => pushLeft().i32(1).op("i32.sub"));
  code.get(word).op("else").i32(0).op("end");
};
