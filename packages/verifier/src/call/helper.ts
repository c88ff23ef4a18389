import type { Instruction } from "@ebpf/asm";
import { type HelperPrototype, helperFor, programTypeNumber } from "@ebpf/platform";
import * as S from "../domain/scalar.js";
import { reject } from "../report/reject.js";
import { kindName, UNKNOWN_SCALAR } from "../state/register.js";
import type { Walk } from "../walk.js";
import { type Arguments, checkArguments } from "./arguments.js";
import { queueAsyncCallback, queueCallback } from "./callback.js";
import { clobber } from "./clobber.js";
import { isGplCompatible } from "./license.js";
import { returnFromLocal } from "./local.js";
import { checkMapFits } from "./map-fits.js";
import { forgetPacket } from "./packet.js";
import { checkNothingHeld, holdsLock, release } from "./resources.js";
import { returned } from "./result.js";
import { checkFormat } from "./text.js";

/** The helper that a call names, as programs of this type see it. */
const findHelper = (walk: Walk, id: number): HelperPrototype => {
  const { spec } = walk.program;
  const prototype = walk.platform.helpers.get(id);
  if (prototype === undefined) return reject("UNKNOWN_HELPER", `invalid func unknown#${id}`);
  const usable = helperFor(prototype, spec);
  if (usable === undefined) {
    return reject("HELPER_NOT_ALLOWED", `program of this type cannot use helper ${prototype.name}#${id}`);
  }
  if (usable.gplOnly && !isGplCompatible(spec.license)) {
    reject("GPL_ONLY", "cannot call GPL-restricted function from non-GPL compatible program");
  }
  if (usable.refusedAs === "probe") reject("HELPER_NOT_ALLOWED", "helper call is not allowed in probe");
  if (usable.mightSleep && !spec.flags.sleepable) {
    reject("SLEEPABLE", "helper call might sleep in a non-sleepable prog");
  }
  return usable;
};

/** Some helpers are known to programs of types that may not call them. */
const checkProgramType = ({ program: { spec } }: Walk, { name, id, refusedAs }: HelperPrototype): void => {
  if (refusedAs !== "program type") return;
  const type = programTypeNumber(spec.type);
  reject("HELPER_NOT_ALLOWED", `func ${name}#${id} not supported for program type ${type}`);
};

/** Gives an argument's object back. */
const releaseArgument = (walk: Walk, helper: HelperPrototype): void => {
  if (helper.releases === undefined) return;
  const index = helper.releases + 1;
  const { reference } = walk.state.register(index);
  if (reference === 0) {
    // Releasing NULL is allowed where the argument may be NULL, and gives nothing back.
    reject("NOT_ACQUIRED", `R${index} must be referenced when passed to release function`, index);
  }
  if (!release(walk, reference)) {
    reject("NOT_ACQUIRED", `release of unowned reference func ${helper.name}#${helper.id}`, index);
  }
};

/** Who calls back, and when, is told by the helper's row. */
const checkModelled = ({ arguments: types, callback, asyncCallback, name }: HelperPrototype): void => {
  if ((callback ?? asyncCallback) !== undefined || types.every(({ kind }) => kind !== "function")) return;
  reject("UNSUPPORTED_CALLBACK", `${name} calls back into the program, which is not modelled yet`);
};

/** A known index of a tail call becomes part of the code. */
const relyOnIndex = (walk: Walk, { name }: HelperPrototype, { map }: Arguments): void => {
  if (name !== "bpf_tail_call") return;
  const index = S.constantValue(walk.state.register(TAIL_CALL_INDEX).value);
  if (index !== undefined && index.hi === 0 && index.lo >>> 0 < map!.maxEntries) walk.markPrecise(TAIL_CALL_INDEX);
};

const TAIL_CALL_INDEX = 3;

const checkTailCall = (walk: Walk, helper: HelperPrototype): void => {
  if (helper.name === "bpf_tail_call") checkNothingHeld(walk, "tail_call");
};

/** Linux makes dynptrs of map values alone. */
const checkMemorySource = (walk: Walk, { mapValueMemory, name }: HelperPrototype): void => {
  if (mapValueMemory === undefined) return;
  const memory = walk.state.register(mapValueMemory + 1);
  if (memory.kind === "map_value") return;
  reject("BAD_ARGUMENT", `Unsupported reg type ${kindName(memory)} for ${name} data`, mapValueMemory + 1);
};

/**
 * A tail call in a subprogram: when it succeeds, the program it jumps to returns to the subprogram's caller with any
 * result; when it fails, the subprogram goes on.
 */
const returnFromTailCall = (walk: Walk): void => {
  walk.branchTo(walk.pc + 1, walk.state.fork());
  forgetPacket(walk);
  walk.state.setRegister(0, UNKNOWN_SCALAR);
  returnFromLocal(walk);
};

/** A call of a helper by number. */
export const callHelper = (walk: Walk, { imm }: Instruction): void => {
  const helper = findHelper(walk, imm);
  if (!helper.underLock && holdsLock(walk)) {
    reject("LOCK_HELD", "function calls are not allowed while holding a lock");
  }
  const given = checkArguments(walk, helper);
  checkModelled(helper);
  checkMapFits(walk, helper, given.map);
  checkProgramType(walk, helper);
  if (given.format !== undefined) checkFormat(walk, given.format);
  checkMemorySource(walk, helper);
  relyOnIndex(walk, helper, given);
  checkTailCall(walk, helper);
  if (given.map !== undefined) walk.facts.usesMap(walk.pc, given.mapId === 0 ? walk.mapHandle(given.map) : undefined);
  for (const effect of given.effects) effect();
  queueCallback(walk, helper, given);
  queueAsyncCallback(walk, helper, given);
  releaseArgument(walk, helper);
  if (helper.mayMovePacket) forgetPacket(walk);
  clobber(walk);
  walk.state.setRegister(0, returned(walk, helper, given));
  if (helper.name === "bpf_tail_call" && walk.state.frames.length > 1) returnFromTailCall(walk);
  else walk.pc++;
};
