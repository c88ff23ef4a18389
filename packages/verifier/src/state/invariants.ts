import { invariant } from "@ebpf/core";
import type { PlatformLimits } from "@ebpf/platform";
import { scalarFault } from "../domain/invariants.js";
import * as S from "../domain/scalar.js";
import type { Subprogram } from "../program/program.js";
import {
  isPacketPointer,
  isScalar,
  NOT_INIT,
  RANGE,
  type Register,
  type RegisterFields,
  type RegisterKind,
} from "./register.js";
import { BYTE, byteKind, NOT_SPILLED, SLOT_BYTES, spilledBytes } from "./stack.js";
import { FRAME_POINTER, type Frame, REGISTERS, type State } from "./state.js";

/*
 * What holds of every state that the walk is in: what the rules rely on without asking. A state that breaks it is a bug
 * of ours, which shows here right behind the instruction that made it, and not where it does harm.
 *
 * Each function below tells what is wrong in words, or `undefined`.
 */

/** What a state is checked against. */
export interface StateContext {
  /** Where the state is. */
  readonly pc: number;
  readonly limits: PlatformLimits;
  readonly subprograms: readonly Subprogram[];
  /** The latest id that the walk has given out. */
  readonly newestId: number;
}

type Fault = string | undefined;

/** A frame of a state in its context. */
interface Place {
  readonly state: State;
  readonly frame: Frame;
  readonly context: StateContext;
}

type Field = Exclude<keyof RegisterFields, "kind" | "value">;

const MOVED: readonly Field[] = ["offset"];
const MAP: readonly Field[] = ["map", "mapId"];
const SOCKET: readonly Field[] = ["nullable", "id", "reference"];
const PACKET: readonly Field[] = [...MOVED, "id", "range"];

/** The fields that mean something for each kind; all others are as in `NOT_INIT`. */
const FIELDS: Readonly<Record<RegisterKind, readonly Field[]>> = {
  not_init: [],
  scalar: ["id", "delta", "deltaBits"],
  ctx: MOVED,
  map_ptr: [...MAP, "id"],
  map_value: [...MOVED, ...MAP, "nullable", "readOnly", "id", "reference"],
  map_key: [...MOVED, ...MAP],
  fp: [...MOVED, "frame"],
  pkt: PACKET,
  pkt_meta: PACKET,
  pkt_end: [],
  mem: [...MOVED, "nullable", "readOnly", "allocated", "id", "reference", "size", "diesWith"],
  sock: SOCKET,
  sock_common: SOCKET,
  tcp_sock: SOCKET,
  xdp_sock: ["id"],
  flow_keys: MOVED,
  func: [...MOVED, "subprogram"],
  dynptr: ["id", "reference", "dynptr", "firstSlot"],
  dynptr_ptr: [...MOVED, "id", "dynptr", "firstSlot"],
  arena: [],
  tp_buffer: MOVED,
  ptr: [...MOVED, "trusted"],
};

const otherFields = (own: readonly Field[]): Field[] =>
  (Object.keys(NOT_INIT) as (keyof RegisterFields)[]).filter(
    (name): name is Field => name !== "kind" && name !== "value" && !own.includes(name as Field),
  );

const OTHERS = Object.fromEntries(
  Object.entries(FIELDS).map(([kind, own]) => [kind, otherFields(own)]),
) as unknown as Readonly<Record<RegisterKind, readonly Field[]>>;

const linkFault = ({ id, delta, deltaBits }: Register): Fault => {
  if (deltaBits !== 0) return id === 0 ? "a delta to no number" : undefined;
  return delta === 0 ? undefined : "a delta without a width";
};

const packetFault = ({ id, range, value }: Register): Fault => {
  if (!Number.isInteger(range) || range < RANGE.beyondEnd) return `a packet range of ${range}`;
  return id === 0 && !S.equal(value, S.ZERO) ? "a variable part without an id" : undefined;
};

const referenceFault = ({ reference }: Register, { references }: State): Fault =>
  reference === 0 || references.some(({ kind, id }) => kind === "pointer" && id === reference)
    ? undefined
    : `reference ${reference} isn't held`;

const pointerFault = (r: Register, { state, frame, context }: Place): Fault => {
  if (r.offset !== (r.offset | 0)) return `offset ${r.offset} isn't int32`;
  if (FIELDS[r.kind].includes("map") !== (r.map !== undefined)) return "no map";
  if (r.nullable && r.id === 0) return "NULL or not, and no id to tell copies by";
  if (!Number.isInteger(r.size) || r.size < 0) return `a size of ${r.size}`;
  // A function may know its callers' stacks, and nobody that of a function that it called.
  if (r.kind === "fp" && !(r.frame >= 0 && r.frame <= frame.index)) return `the stack of frame ${r.frame}`;
  if (r.kind === "func" && context.subprograms[r.subprogram] === undefined) return `no function ${r.subprogram}`;
  return (isPacketPointer(r) ? packetFault(r) : undefined) ?? referenceFault(r, state);
};

/** What is wrong with a register, wherever it is held. */
const valueFault = (r: Register, place: Place): Fault => {
  const other = OTHERS[r.kind].find((name) => r[name] !== NOT_INIT[name]);
  if (other !== undefined) return `${r.kind} has no ${other}`;
  for (const id of [r.id, r.mapId, r.diesWith]) {
    if (!(Number.isInteger(id) && id >= 0 && id <= place.context.newestId)) return `id ${id} was never given out`;
  }
  return scalarFault(r.value) ?? (isScalar(r) ? linkFault(r) : pointerFault(r, place));
};

/** Both slots of a dynptr say the same, but which of them they are. */
const dynptrFault = (index: number, { frame }: Place): Fault => {
  const half = frame.slot(index).spilled;
  if (half?.kind !== "dynptr") return "a dynptr that nothing is known of";
  const other = frame.slot(half.firstSlot ? index - 1 : index + 1).spilled;
  const isOther =
    other?.kind === "dynptr" &&
    other.firstSlot !== half.firstSlot &&
    other.id === half.id &&
    other.reference === half.reference &&
    other.dynptr === half.dynptr;
  return isOther ? undefined : "half a dynptr";
};

const slotFault = (index: number, place: Place): Fault => {
  const slot = place.frame.slot(index);
  const { spilled } = slot;
  const kinds = Array.from({ length: SLOT_BYTES }, (_, byte) => byteKind(slot, byte));
  if (kinds.some((kind) => kind > BYTE.dynptr)) return "bytes of no kind";
  if (kinds.includes(BYTE.dynptr)) {
    if (!kinds.every((kind) => kind === BYTE.dynptr)) return "part of a dynptr's slot";
    return dynptrFault(index, place) ?? valueFault(spilled!, place);
  }
  const held = spilledBytes(slot);
  if (kinds.lastIndexOf(BYTE.spill) + 1 !== held) return "bytes of no spilled register";
  if (spilled === undefined) return undefined;
  if (held === 0) return "a spilled register without bytes";
  const { kind } = spilled;
  if (kind === "not_init" || kind === "dynptr" || NOT_SPILLED.includes(kind)) return `a spilled ${kind}`;
  if (!isScalar(spilled) && held !== SLOT_BYTES) return "part of a spilled pointer";
  return valueFault(spilled, place);
};

const contains = ({ start, end }: Subprogram, pc: number): boolean => pc >= start && pc < end;

const isFramePointer = ({ kind, frame, offset, value }: Register, index: number): boolean =>
  kind === "fp" && frame === index && offset === 0 && S.equal(value, S.ZERO);

const frameFault = (place: Place, position: number): Fault => {
  const { state, frame, context } = place;
  if (frame.index !== position) return `it says that it is frame ${frame.index}`;
  const subprogram = context.subprograms[frame.subprogram];
  const pc = state.frames[position + 1]?.callSite ?? context.pc;
  if (subprogram === undefined || !contains(subprogram, pc)) return `pc ${pc} isn't in function ${frame.subprogram}`;
  if (frame.registers.length !== REGISTERS) return `${frame.registers.length} registers`;
  if (frame.stack.length * SLOT_BYTES > context.limits.stack) return `${frame.stack.length} slots of stack`;
  return isFramePointer(frame.registers[FRAME_POINTER]!, position) ? undefined : "R10 isn't its frame pointer";
};

const contentFault = (place: Place): Fault => {
  const { frame } = place;
  for (let index = 0; index < REGISTERS; index++) {
    const register = frame.registers[index]!;
    const fault = register.kind === "dynptr" ? "a dynptr in a register" : valueFault(register, place);
    if (fault !== undefined) return `R${index}: ${fault}`;
  }
  for (let index = 0; index < frame.stack.length; index++) {
    const fault = slotFault(index, place);
    if (fault !== undefined) return `fp-${(index + 1) * SLOT_BYTES}: ${fault}`;
  }
  return undefined;
};

const heldFault = ({ references }: State, { newestId }: StateContext): Fault => {
  const ids = references.filter(({ kind }) => kind === "pointer").map(({ id }) => id);
  const unknown = ids.find((id) => !(id > 0 && id <= newestId));
  if (unknown !== undefined) return `reference ${unknown} was never given out`;
  if (new Set(ids).size < ids.length) return "a reference is held twice";
  const locks = references.filter(({ kind }) => kind === "lock");
  if (locks.length > 1) return "two locks are held";
  return locks.every(({ object }) => object !== undefined) ? undefined : "a lock of no map";
};

/** Equal ids stand for values of one kind, and for one variable part of packet pointers. */
const idFault = ({ frames }: State): Fault => {
  const seen = new Map<number, Register>();
  for (const { registers, stack } of frames) {
    for (const register of [...registers, ...stack.map(({ spilled }) => spilled)]) {
      if (register === undefined || register.id === 0) continue;
      const other = seen.get(register.id) ?? register;
      seen.set(register.id, register);
      if (other.kind !== register.kind) return `id ${register.id} is of ${other.kind} and of ${register.kind}`;
      if (isPacketPointer(register) && !S.equal(other.value, register.value)) {
        return `id ${register.id} is of two variable parts`;
      }
    }
  }
  return undefined;
};

const stateFault = (state: State, context: StateContext): Fault => {
  const { frames } = state;
  if (frames.length === 0 || frames.length > context.limits.frames) return `: ${frames.length} frames`;
  for (const [index, frame] of frames.entries()) {
    const place = { state, frame, context };
    const fault = frameFault(place, index);
    if (fault !== undefined) return `, frame ${index}: ${fault}`;
    const content = contentFault(place);
    if (content !== undefined) return `, frame ${index}, ${content}`;
  }
  const fault = heldFault(state, context) ?? idFault(state);
  return fault && `: ${fault}`;
};

/**
 * Asserts what holds of every state that the walk is in.
 *
 * @throws InvariantError when it doesn't: says at which pc, in which frame, register or slot, and what is wrong
 */
export const checkState = (state: State, context: StateContext): void => {
  const fault = stateFault(state, context);
  invariant(fault === undefined, `at pc ${context.pc}${fault}`);
};
