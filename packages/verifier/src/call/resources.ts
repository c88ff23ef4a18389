import { rejectHeld } from "../report/reject.js";
import { UNKNOWN_SCALAR } from "../state/register.js";
import type { Walk } from "../walk.js";

/*
 * What a program holds and must give back: objects that it acquired, and locks.
 */

/** Notes that the current instruction acquires an object; gives the reference's id. */
export const acquire = (walk: Walk): number => {
  const id = walk.newId();
  walk.state.references = [...walk.state.references, { kind: "pointer", id, pc: walk.pc }];
  return id;
};

/** Gives an object back: every pointer to it is a mere number from here on. False when it isn't held. */
export const release = (walk: Walk, reference: number): boolean => {
  const held = walk.state.references;
  const left = held.filter(({ kind, id }) => kind !== "pointer" || id !== reference);
  if (left.length === held.length) return false;
  walk.state.references = left;
  walk.state.mapRegisters((register) =>
    (register.reference === reference && register.kind !== "dynptr") || register.diesWith === reference
      ? UNKNOWN_SCALAR
      : register,
  );
  return true;
};

export const holdsLock = (walk: Walk): boolean => walk.state.references.some(({ kind }) => kind === "lock");

/** Nothing is held where `what`, an instruction that may end the program, stands. */
export const checkNothingHeld = (walk: Walk, what: string): void => {
  const { references } = walk.state;
  const locks = references.filter(({ kind }) => kind === "lock");
  if (locks.length > 0) rejectHeld("LOCK_HELD", `${what} cannot be used inside bpf_spin_lock-ed region`, locks);
  if (references.length === 0) return;
  const leaks = references.map(({ id, pc }) => `Unreleased reference id=${id} alloc_insn=${pc}`);
  rejectHeld("REFERENCE_LEAK", [...leaks, `${what} would lead to reference leak`].join("\n"), references);
};
