import { type Instruction, isFunctionReference, targetOf } from "@ebpf/asm";
import { ATTACH_TYPES, type MapSpec, type Platform, type ProgramSpec, type ProgramTypeRules } from "@ebpf/platform";
import type { WalkEmit } from "../report/events.js";
import { reject } from "../report/reject.js";
import { findComponents, placesIn, postorders } from "./components.js";
import { checkJumps, checkReachable, type Flow, flowOf } from "./control-flow.js";
import { checkEncodings } from "./encoding.js";
import { exceptionCallbackOf } from "./exception-callback.js";
import { liveRegisters } from "./liveness.js";
import { checkMaps } from "./maps.js";
import { findCallbackCalls, findPoints } from "./points.js";

/** A function of the program: the entry or the target of a local call or function reference. */
export interface Subprogram {
  readonly index: number;
  /** First slot. */
  readonly start: number;
  /** Behind the last slot. */
  readonly end: number;
  readonly name: string;
  /** Verified on its own, with arguments from its signature; a call of it says nothing of its result. */
  readonly global: boolean;
  /** Whether it, or a function that it calls, may move packet data or leave through a tail call. */
  readonly movesPacket: boolean;
  /** Runs when the program throws: it is walked although nothing calls it, and returns what the program returns. */
  readonly exceptionCallback: boolean;
}

/** A program that passed the checks that need no walk, with what the walk looks up at each pc. */
export interface Program {
  readonly spec: ProgramSpec;
  readonly rules: ProgramTypeRules;
  readonly instructions: readonly Instruction[];
  readonly subprograms: readonly Subprogram[];
  /** By slot. */
  readonly subprogramAt: readonly Subprogram[];
  /** Bits of `POINT` by slot. */
  readonly points: Uint8Array;
  /** Calls of helpers that call back before they return. */
  readonly callbackCalls: ReadonlySet<number>;
  /** By slot: the loop that the slot is part of, or 0. */
  readonly components: Uint32Array;
  /** Where control goes from each slot, and comes from. */
  readonly flow: Flow;
  /** Slots of each function, successors first. */
  readonly postorder: readonly (readonly number[])[];
  /** By slot: its place in its function's postorder; -1 for slots that control doesn't come to. */
  readonly places: Int32Array;
  /** Bit r of entry pc: register r may be read from there on before it is written. */
  readonly live: Uint16Array;
  /** Whether the program refers to an arena. */
  readonly usesArena: boolean;
  /** The handle that the program uses for a map. */
  readonly handles: ReadonlyMap<MapSpec, number>;
}

/** The function that the local call at `pc` calls. */
export const calleeAt = (program: Program, pc: number): Subprogram =>
  program.subprogramAt[targetOf(program.instructions[pc]!, pc)!]!;

/** The pcs where functions begin that the program refers to, its entry among them. */
const referredStarts = (instructions: readonly Instruction[]): number[] => {
  const starts = new Set([0]);
  instructions.forEach((slot, pc) => {
    if (!isFunctionReference(slot)) return;
    const target = targetOf(slot, pc);
    if (target === undefined || target < 0 || target >= instructions.length) {
      reject("JUMP_OUT_OF_RANGE", `call to invalid destination (from insn ${pc} to ${target})`);
    }
    starts.add(target);
  });
  return [...starts];
};

const mayMovePacket = ({ op, imm }: Instruction, platform: Platform): boolean => {
  if (op.family !== "call" || op.target !== "helper") return false;
  const helper = platform.helpers.get(imm);
  return helper !== undefined && (helper.mayMovePacket === true || helper.name === "bpf_tail_call");
};

/** The functions from which a helper that may move the packet can be reached. */
const findMovers = (
  instructions: readonly Instruction[],
  starts: readonly number[],
  platform: Platform,
): Set<number> => {
  const indexOf = (pc: number): number => starts.findLastIndex((start) => start <= pc);
  const callers = new Map<number, Set<number>>();
  const movers = new Set<number>();
  instructions.forEach((slot, pc) => {
    if (mayMovePacket(slot, platform)) movers.add(indexOf(pc));
    if (!isFunctionReference(slot)) return;
    const callee = indexOf(targetOf(slot, pc)!);
    callers.set(callee, (callers.get(callee) ?? new Set()).add(indexOf(pc)));
  });
  // A set is walked in the order in which it grows, so callers that are added are visited too.
  for (const mover of movers) for (const caller of callers.get(mover) ?? []) movers.add(caller);
  return movers;
};

const findSubprograms = (spec: ProgramSpec, platform: Platform): Subprogram[] => {
  const referred = referredStarts(spec.instructions);
  const callback = exceptionCallbackOf(spec);
  const starts = [...new Set([...referred, ...(callback === undefined ? [] : [callback])])].sort((a, b) => a - b);
  const movers = findMovers(spec.instructions, starts, platform);
  return starts.map((start, index) => {
    const info = spec.functions.find(({ pc }) => pc === start);
    return {
      index,
      start,
      end: starts[index + 1] ?? spec.instructions.length,
      name: info?.name ?? (index === 0 ? spec.name : `func${index}`),
      // Without types nobody tells the kernel that a function is global: it is verified with its callers.
      global: info?.linkage === "global" && info.typeId !== undefined,
      movesPacket: movers.has(index),
      exceptionCallback: start === callback,
    };
  });
};

const checkShape = (spec: ProgramSpec, platform: Platform): void => {
  if (spec.instructions.length === 0) reject("EMPTY_PROGRAM", "a program needs at least one instruction");
  if (spec.instructions.length > platform.limits.programSlots) {
    reject("PROGRAM_TOO_LARGE", `${spec.instructions.length} slots are more than ${platform.limits.programSlots}`);
  }
};

const rulesOf = (spec: ProgramSpec, platform: Platform): ProgramTypeRules =>
  platform.programTypes[spec.type] ??
  reject("UNSUPPORTED_PROGRAM_TYPE", `programs of type ${spec.type} are not modelled yet`);

/** What `BPF_PROG_LOAD` refuses before it looks at an instruction. */
const checkLoad = ({ attachType = ATTACH_TYPES[0], flags, type }: ProgramSpec, rules: ProgramTypeRules): void => {
  if (rules.attachTypes?.includes(attachType) === false) {
    reject("BAD_ATTACH_TYPE", `programs of type ${type} can't be loaded for ${attachType}`);
  }
  if (rules.sleepable === "always" && flags.sleepable !== true) {
    reject("NOT_SLEEPABLE", "Syscall programs can only be sleepable");
  }
  if (flags.sleepable === true && rules.sleepable === undefined) {
    reject("NOT_SLEEPABLE", "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable");
  }
};

const usesArena = ({ instructions, maps }: ProgramSpec): boolean =>
  instructions.some(
    ({ op, imm }) =>
      op.family === "lddw" && (op.meaning === "map" || op.meaning === "map_value") && maps.get(imm)?.type === "arena",
  );

/** The instruction may leave its function without coming to its exit: a tail call, or a legacy packet load. */
const leavesEarly = ({ op, imm }: Instruction, platform: Platform): "tail_call" | "LD_ABS" | undefined => {
  if (op.family === "load") return op.mode === "mem" ? undefined : "LD_ABS";
  if (op.family !== "call" || op.target !== "helper") return undefined;
  return platform.helpers.get(imm)?.name === "bpf_tail_call" ? "tail_call" : undefined;
};

/** Whether the program says of what types its functions are. */
export const hasFunctionTypes = ({ functions }: ProgramSpec): boolean =>
  functions.some(({ typeId }) => typeId !== undefined);

/** A function that may leave early gives its caller a number then: only types say that it returns one. */
const checkEarlyLeaving = (spec: ProgramSpec, entryEnd: number, platform: Platform): void => {
  if (hasFunctionTypes(spec)) return;
  const { instructions } = spec;
  for (let pc = entryEnd; pc < instructions.length; pc++) {
    const what = leavesEarly(instructions[pc]!, platform);
    if (what !== undefined) reject("NO_TYPES", `${what} is not allowed in subprogs without BTF`);
  }
};

const returnsNumber = ({ btf }: ProgramSpec, functionId: number): boolean => {
  const type = btf?.types[functionId];
  const prototype = type?.kind === "func" ? btf?.types[type.type] : undefined;
  if (btf === undefined || prototype?.kind !== "func_proto") return false;
  const { kind } = btf.resolvedType(prototype.returnType);
  return kind === "int" || kind === "enum" || kind === "enum64";
};

/** What a function leaves early with is a number, so its type has to say that it returns one. */
const checkEarlyResults = (spec: ProgramSpec, subprograms: readonly Subprogram[], platform: Platform): void => {
  if (spec.btf === undefined) return;
  for (const { start, end, index } of subprograms) {
    const typeId = spec.functions.find(({ pc }) => pc === start)?.typeId;
    if (index === 0 || typeId === undefined || returnsNumber(spec, typeId)) continue;
    const ways = new Set(spec.instructions.slice(start, end).map((slot) => leavesEarly(slot, platform)));
    const what = (["LD_ABS", "tail_call"] as const).find((way) => ways.has(way));
    if (what !== undefined) reject("NO_RESULT", `${what} is only allowed in functions that return 'int'.`);
  }
};

/** Checks a program as a whole and prepares it for the walk. */
export const prepare = (spec: ProgramSpec, platform: Platform, emit?: WalkEmit): Program => {
  checkShape(spec, platform);
  const rules = rulesOf(spec, platform);
  checkLoad(spec, rules);
  const subprograms = findSubprograms(spec, platform);
  if (subprograms.length > platform.limits.subprograms) {
    reject("TOO_MANY_SUBPROGRAMS", `too many subprograms: ${subprograms.length}`);
  }
  emit?.({ kind: "functions", subprograms });
  checkEarlyLeaving(spec, subprograms[0]!.end, platform);
  checkJumps(spec.instructions, subprograms);
  checkEarlyResults(spec, subprograms, platform);
  checkEncodings(spec.instructions);
  checkMaps(spec, rules, platform);
  const flow = flowOf(spec.instructions);
  checkReachable(spec.instructions, subprograms, flow);
  const postorder = postorders(
    flow,
    subprograms.map(({ start }) => start),
  );
  const callbackCalls = findCallbackCalls(spec.instructions, platform);
  const subprogramAt = new Array<Subprogram>(spec.instructions.length);
  for (const subprogram of subprograms) subprogramAt.fill(subprogram, subprogram.start, subprogram.end);
  return {
    spec,
    rules,
    instructions: spec.instructions,
    subprograms,
    subprogramAt,
    points: findPoints(spec.instructions, platform),
    callbackCalls,
    components: findComponents(spec.instructions, flow),
    flow,
    postorder,
    places: placesIn(postorder, spec.instructions.length),
    live: liveRegisters(spec, flow, platform),
    usesArena: usesArena(spec),
    handles: new Map([...spec.maps].map(([handle, map]) => [map, handle] as const)),
  };
};
