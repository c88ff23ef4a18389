import { CELL, FRAME_SIZE, STACK_TOP } from "@ebpf/runtime";
import type { FunctionReference, ModuleBuilder } from "./wasm/module.js";

/** Parameters of the check: the address, bytes, 1 for a write, the pc, the frame pointer. */
const PARAMETERS = ["i64", "i32", "i32", "i32", "i32"] as const;
const [ADDRESS, SIZE, WRITE, PC, FRAME] = [0, 1, 2, 3, 4] as const;

/**
 * The function through which unverified code makes every access: stack, context and packet are told apart here, and
 * the host decides about everything else. It compares full 64-bit addresses and returns the 32-bit one.
 */
export const defineCheck = (module: ModuleBuilder): FunctionReference => {
  const check = module.define("check", PARAMETERS, ["i32"]);
  const { code } = check;
  const slow = module.import("check_access", ["i32", "i32", "i32", "i32", "i32", "i32"], []);
  const end = code.local("i64");
  code.get(ADDRESS).get(SIZE).op("i64.extend_i32_u", "i64.add").set(end);
  /** Returns when the access lies between two bounds, which are on the stack one after the other. */
  const returnWithin = (pushLow: () => void, pushHigh: () => void): void => {
    code.get(ADDRESS);
    pushLow();
    code.op("i64.ge_u").get(end);
    pushHigh();
    code.op("i64.le_u", "i32.and").open("if");
    code.get(ADDRESS).op("i32.wrap_i64", "return", "end");
  };
  // With high bits set, the end could wrap around and look small.
  const fast = code.open("block");
  code.get(ADDRESS).i64(32).op("i64.shr_u", "i32.wrap_i64").brIf(fast);
  const cell = (address: number) => () => code.i32(0).memory("i64.load32_u", address);
  returnWithin(
    () => code.get(FRAME).i32(FRAME_SIZE).op("i32.sub", "i64.extend_i32_u"),
    () => code.i64(STACK_TOP),
  );
  returnWithin(cell(CELL.context), cell(CELL.contextEnd));
  returnWithin(cell(CELL.packetMeta), cell(CELL.packetEnd));
  code.op("end");
  code.get(ADDRESS).op("i32.wrap_i64").get(ADDRESS).i64(32).op("i64.shr_u", "i32.wrap_i64");
  code.get(SIZE).get(WRITE).get(PC).get(FRAME).call(slow);
  code.get(ADDRESS).op("i32.wrap_i64");
  return check;
};
