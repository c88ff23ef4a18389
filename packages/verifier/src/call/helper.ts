import type { Instruction } from "@ebpf/asm";
import { type HelperPrototype, helperFor, type MapSpec } from "@ebpf/platform";
import { interval } from "../domain/interval.js";
import * as S from "../domain/scalar.js";
import { ofSigned, settle } from "../domain/settle.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import {
  NOT_INIT,
  type PointerKind,
  pointerRegister,
  type Register,
  scalarRegister,
  UNKNOWN_SCALAR,
} from "../state/register.js";
import type { Walk } from "../walk.js";
import { type Arguments, checkArguments } from "./arguments.js";
import { queueCallback } from "./callback.js";
import { clobber } from "./clobber.js";
import { isGplCompatible } from "./license.js";
import { returnFromLocal } from "./local.js";
import { checkMapFits } from "./map-fits.js";
import { forgetPacket } from "./packet.js";

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
  if (usable.mightSleep && !spec.flags.sleepable) {
    reject("SLEEPABLE", "helper call might sleep in a non-sleepable prog");
  }
  return usable;
};

/** Gives a reference back: every copy of the pointer is a mere number from here on. */
const release = (walk: Walk, helper: HelperPrototype): void => {
  if (helper.releases === undefined) return;
  const index = helper.releases + 1;
  const register = walk.state.register(index);
  if (register.reference === 0) {
    // Releasing NULL is allowed where the argument may be NULL, and gives nothing back.
    reject("NOT_ACQUIRED", `R${index} must be referenced when passed to release function`, index);
  }
  const { reference } = register;
  const held = walk.state.references;
  if (!held.some(({ id }) => id === reference)) {
    reject("NOT_ACQUIRED", `release of unowned reference func ${helper.name}#${helper.id}`, index);
  }
  walk.state.references = held.filter(({ id }) => id !== reference);
  walk.state.mapRegisters((other) => (other.reference === reference ? UNKNOWN_SCALAR : other));
};

const acquire = (walk: Walk): number => {
  // The kernel gives the pointer an id first and then replaces it by the reference's.
  walk.newId();
  const id = walk.newId();
  walk.state.references = [...walk.state.references, { id, pc: walk.pc }];
  return id;
};

const MAX_ERRNO = 4095;

/** Numbers: bounded where the helper promises it. */
const returnedNumber = (walk: Walk, helper: HelperPrototype, { sizeLimit }: Arguments): Register => {
  if (helper.name === "bpf_get_smp_processor_id") {
    return scalarRegister(ofSigned(W.ZERO, W.fromInt32(walk.platform.cpus - 1)));
  }
  if (!helper.boundedBySize || sizeLimit === undefined) return UNKNOWN_SCALAR;
  return scalarRegister(
    settle({
      ...S.UNKNOWN,
      s64: interval(W.fromInt32(-MAX_ERRNO), W.fromNumber(sizeLimit)),
      s32: interval(-MAX_ERRNO, Math.min(sizeLimit, 0x7fff_ffff)),
    }),
  );
};

const mapValue = (walk: Walk, { map, mapId }: Arguments, nullable: boolean): Register => {
  const owner = map as MapSpec;
  const rules = walk.platform.mapTypes[owner.type];
  if (rules?.nested && owner.inner === undefined) {
    reject("UNSUPPORTED_MAP", `the elements of map ${owner.name} are maps of an unknown kind`);
  }
  if (rules?.unsupported) reject("UNSUPPORTED_MAP", `values of ${owner.type} maps are not modelled yet`);
  if (rules?.sockets) {
    const id = acquire(walk);
    return pointerRegister(owner.type === "sockmap" || owner.type === "sockhash" ? "sock" : "sock_common", {
      nullable: true,
      id,
      reference: id,
    });
  }
  return pointerRegister("map_value", {
    map: owner,
    mapId,
    nullable,
    readOnly: rules?.readOnlyValues === true,
    id: nullable ? walk.newId() : 0,
  });
};

/** A look-up by a known key in a map where that key always has a value. Inner maps may differ in size. */
const isPresent = (walk: Walk, helper: HelperPrototype, { map, mapId, constantKey }: Arguments): boolean =>
  helper.name === "bpf_map_lookup_elem" &&
  mapId === 0 &&
  constantKey !== undefined &&
  constantKey < map!.maxEntries &&
  walk.platform.mapTypes[map!.type]?.allPresent === true;

const objectOrNull = (walk: Walk, helper: HelperPrototype, kind: PointerKind, more: Partial<Register>): Register => {
  const reference = helper.acquires ? acquire(walk) : (more.reference ?? 0);
  const id = helper.acquires ? reference : walk.newId();
  return pointerRegister(kind, { ...more, nullable: true, id, reference });
};

const returned = (walk: Walk, helper: HelperPrototype, given: Arguments): Register => {
  const { returns } = helper;
  switch (returns.kind) {
    case "scalar":
      return returnedNumber(walk, helper, given);
    case "void":
      return NOT_INIT;
    case "map_value":
      return mapValue(walk, given, false);
    case "map_value_or_null":
      return mapValue(walk, given, !isPresent(walk, helper, given));
    case "memory_or_null":
      return objectOrNull(walk, helper, "mem", { size: given.allocationSize ?? 0, allocated: true });
    case "socket_or_null":
      return objectOrNull(walk, helper, returns.type, { reference: helper.sameObject ? given.reference : 0 });
    case "unsupported":
      return reject("UNSUPPORTED_HELPER", `what ${helper.name} returns (${returns.type}) is not modelled yet`);
  }
};

/** Helpers that go on running the program's own functions, or whose effect on control is not modelled. */
const checkModelled = (helper: HelperPrototype): void => {
  for (const argument of helper.arguments) {
    if (argument.kind === "unsupported") {
      reject("UNSUPPORTED_HELPER", `${helper.name} takes a ${argument.type}, which is not modelled yet`);
    }
    if (argument.kind === "function" && helper.callback === undefined) {
      reject("UNSUPPORTED_CALLBACK", `${helper.name} calls back into the program, which is not modelled yet`);
    }
  }
  if (helper.returns.kind === "unsupported") {
    reject("UNSUPPORTED_HELPER", `what ${helper.name} returns (${helper.returns.type}) is not modelled yet`);
  }
};

/** A known index of a tail call becomes part of the code. */
const relyOnIndex = (walk: Walk, { name }: HelperPrototype, { map }: Arguments): void => {
  if (name !== "bpf_tail_call") return;
  const index = S.constantValue(walk.state.register(TAIL_CALL_INDEX).value);
  if (index !== undefined && index.hi === 0 && index.lo >>> 0 < map!.maxEntries) walk.markPrecise(TAIL_CALL_INDEX);
};

const TAIL_CALL_INDEX = 3;

const checkTailCall = (walk: Walk, helper: HelperPrototype): void => {
  if (helper.name !== "bpf_tail_call" || walk.state.references.length === 0) return;
  const [held] = walk.state.references;
  reject(
    "REFERENCE_LEAK",
    `Unreleased reference id=${held!.id} alloc_insn=${held!.pc}\ntail_call would lead to reference leak`,
  );
};

/**
 * A tail call in a subprogram: when it succeeds, the program it jumps to returns to the subprogram's caller with any
 * result; when it fails, the subprogram goes on.
 */
const returnFromTailCall = (walk: Walk): void => {
  if (walk.state.frame.callback) reject("UNSUPPORTED_CALLBACK", "tail calls in callbacks are not modelled yet");
  walk.branchTo(walk.pc + 1, walk.state.fork());
  forgetPacket(walk);
  walk.state.setRegister(0, UNKNOWN_SCALAR);
  returnFromLocal(walk);
};

/** A call of a helper by number. */
export const callHelper = (walk: Walk, { imm }: Instruction): void => {
  const helper = findHelper(walk, imm);
  checkModelled(helper);
  const given = checkArguments(walk, helper);
  checkMapFits(walk, helper, given.map);
  relyOnIndex(walk, helper, given);
  checkTailCall(walk, helper);
  if (given.map !== undefined) walk.facts.usesMap(walk.pc, given.mapId === 0 ? walk.mapHandle(given.map) : undefined);
  for (const effect of given.effects) effect();
  queueCallback(walk, helper, given);
  release(walk, helper);
  if (helper.mayMovePacket) forgetPacket(walk);
  clobber(walk);
  walk.state.setRegister(0, returned(walk, helper, given));
  if (helper.name === "bpf_tail_call" && walk.state.frames.length > 1) returnFromTailCall(walk);
  else walk.pc++;
};
