import { ERRNO, FRAME_SIZE, MAX_LOOP_ROUNDS } from "@ebpf/runtime";
import type { FunctionWriter } from "../lower/function.js";

/** Registers of `bpf_loop`'s arguments. */
const COUNT = 1;
const CONTEXT = 3;
const FLAGS = 4;

/**
 * Writes `bpf_loop` as a loop that calls a callback which is known here: no round leaves WebAssembly. Leaves the low word
 * of what the helper returns on the stack.
 *
 * @param start the slot where the callback begins
 */
export const inlineLoop = (writer: FunctionWriter, start: number, pc: number): void => {
  const { code, base, program, frame } = writer;
  const [rounds, round] = [code.local("i32"), code.local("i32")];
  writer
    .getLow(base + COUNT)
    .tee(rounds)
    .open("if");
  writer.requireFrame(pc);
  code.op("end");
  const done = code.open("block", "i32");
  code.i32(-ERRNO.EINVAL);
  writer.getLow(base + FLAGS);
  writer
    .getHigh(base + FLAGS)
    .op("i32.or")
    .brIf(done)
    .op("drop");
  code.i32(-ERRNO.E2BIG).get(rounds).i32(MAX_LOOP_ROUNDS).op("i32.gt_u").brIf(done).op("drop");
  code.i32(0).set(round);
  const finished = code.open("block");
  const again = code.open("loop");
  code.get(round).get(rounds).op("i32.ge_u").brIf(finished);
  code.get(round).op("i64.extend_i32_u");
  writer
    .get(base + CONTEXT)
    .i64(0)
    .i64(0)
    .i64(0);
  code.get(frame).i32(FRAME_SIZE).op("i32.sub").call(program.at(start)).op("i32.wrap_i64");
  code.get(round).i32(1).op("i32.add").set(round);
  code.op("i32.eqz").brIf(again).op("end", "end");
  code.get(round).op("end");
};
