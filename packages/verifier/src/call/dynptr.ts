import type { ArgumentType } from "@ebpf/platform";
import { type DynptrPlace, dynptrAt, makeDynptr, placeOf, releaseDynptr } from "../access/dynptr-slots.js";
import { writeStack } from "../access/stack.js";
import { reject } from "../report/reject.js";
import type { Register } from "../state/register.js";
import { SLOT_BYTES } from "../state/stack.js";
import type { Walk } from "../walk.js";
import { acquire } from "./resources.js";

/** A register that a dynptr is passed in. */
export interface DynptrArgument {
  readonly walk: Walk;
  readonly register: number;
  readonly value: Register;
}

type DynptrType = Extract<ArgumentType, { readonly kind: "dynptr" }>;

const refuse = (place: DynptrPlace | undefined, message: string, register: number): never =>
  reject("BAD_DYNPTR", place?.kind === "nowhere" ? `${place.why}\n${message}` : message, register);

const make = ({ walk, register, value }: DynptrArgument, type: DynptrType["type"]): void => {
  const before = value.kind === "fp" ? placeOf(walk, value) : undefined;
  if (before === undefined || before.kind === "nowhere") {
    refuse(before, "Dynptr has to be an uninitialized dynptr", register);
  }
  for (const offset of [0, SLOT_BYTES]) {
    writeStack(walk, { kind: "write", register, pointer: value, offset, size: SLOT_BYTES });
  }
  const place = placeOf(walk, value);
  if (place.kind === "stack") makeDynptr(walk, place, type ?? "local", () => acquire(walk));
};

/** The dynptr that is passed, made by the program or given to it. */
const dynptrOf = (place: DynptrPlace | undefined, { value, register }: DynptrArgument): Register => {
  if (place === undefined) return value;
  const content = place.kind === "stack" ? dynptrAt(place.frame, place.slot) : undefined;
  return content ?? refuse(place, `Expected an initialized dynptr as arg #${register - 1}`, register);
};

const checkReleasable = (place: DynptrPlace | undefined, register: number): void => {
  if (place === undefined) reject("BAD_DYNPTR", "cannot release unowned const bpf_dynptr", register);
  const reference = place.kind === "stack" ? place.frame.slot(place.slot).spilled?.reference : undefined;
  if ((reference ?? 0) === 0) refuse(place, `arg ${register} is an unacquired reference`, register);
};

/**
 * Checks a dynptr argument whose value is a stack pointer or a `dynptr_ptr`.
 *
 * @returns the dynptr that the call works on, and what the call does to it once all arguments are right
 */
export const checkDynptr = (
  argument: DynptrArgument,
  { role, type }: Pick<DynptrType, "role" | "type">,
): { readonly dynptr?: Register; readonly effect?: () => void } => {
  const { walk, register, value } = argument;
  if (role === "make") {
    make(argument, type);
    return {};
  }
  const place = value.kind === "fp" ? placeOf(walk, value) : undefined;
  if (role === "release") checkReleasable(place, register);
  const dynptr = dynptrOf(place, argument);
  if (type !== undefined && dynptr.dynptr !== type) {
    refuse(place, `Expected a dynptr of type ${type} as arg #${register - 1}`, register);
  }
  if (place?.kind !== "stack") return { dynptr };
  const { frame, slot } = place;
  for (const half of [slot, slot - 1]) {
    walk.readsSlot(frame.index, half);
    walk.touchesSlot(half);
  }
  return role === "release" ? { dynptr, effect: () => releaseDynptr(walk, frame, dynptr) } : { dynptr };
};
