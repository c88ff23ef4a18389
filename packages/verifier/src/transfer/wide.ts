import type { Instruction, OperationOf, WideMeaning } from "@ebpf/asm";
import { InvariantError } from "@ebpf/core";
import type { MapSpec } from "@ebpf/platform";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { hasFunctionTypes } from "../program/program.js";
import { reject } from "../report/reject.js";
import { pointerRegister, type Register, scalarRegister, UNKNOWN_SCALAR } from "../state/register.js";
import type { Walk } from "../walk.js";

const mapOf = (walk: Walk, handle: number): MapSpec =>
  walk.program.spec.maps.get(handle) ?? reject("UNKNOWN_MAP", `fd ${handle} is not pointing to valid bpf_map`);

const valueAddress = (walk: Walk, low: Instruction, high: Instruction): Register => {
  const map = mapOf(walk, low.imm);
  if (map.type === "arena") return UNKNOWN_SCALAR;
  return pointerRegister("map_value", { map, offset: high.imm });
};

type Loader = (walk: Walk, low: Instruction, high: Instruction) => Register;

/** Refused before the walk, reached or not. */
const refused: Loader = () => {
  throw new InvariantError("unresolved references are refused before the walk");
};

const LOADERS: Readonly<Record<WideMeaning, Loader>> = {
  value: (_walk, low, high) => scalarRegister(S.constant(W.word(low.imm, high.imm))),
  map: (walk, low) => pointerRegister("map_ptr", { map: mapOf(walk, low.imm) }),
  map_value: valueAddress,
  function: (walk, low) => {
    const target = walk.program.subprogramAt[walk.pc + 1 + low.imm]!;
    if (!hasFunctionTypes(walk.program.spec)) reject("NO_TYPES", "missing btf func_info");
    if (target.global) reject("GLOBAL_CALLBACK", "callback function not static");
    return pointerRegister("func", { subprogram: target.index });
  },
  ksym: refused,
  map_index: refused,
  map_index_value: refused,
};

/** The 64-bit load: a number, a map, the address of a map value, or a function. */
export const stepWide = (walk: Walk, slot: Instruction, op: OperationOf<"lddw">): void => {
  walk.checkWritable(slot.dst);
  walk.write(slot.dst, LOADERS[op.meaning](walk, slot, walk.program.instructions[walk.pc + 1]!));
  walk.pc += 2;
};
