import { reject } from "../report/reject.js";
import type { Register } from "../state/register.js";
import type { Walk } from "../walk.js";
import { holdsLock } from "./resources.js";

/*
 * One spin lock may be held at a time. A lock is told by its map and, where look-ups may give different values of the
 * map, by the id that the look-up gave.
 */

export const takeLock = (walk: Walk, { id, map }: Register): void => {
  if (holdsLock(walk)) reject("BAD_LOCK", "Locking two bpf_spin_locks are not allowed");
  walk.state.references = [...walk.state.references, { kind: "lock", id, pc: walk.pc, object: map! }];
};

export const dropLock = (walk: Walk, { id, map }: Register): void => {
  const held = walk.state.references;
  if (!holdsLock(walk)) reject("BAD_LOCK", "bpf_spin_unlock without taking a lock");
  const left = held.filter((one) => one.kind !== "lock" || one.id !== id || one.object !== map);
  if (left.length === held.length) reject("BAD_LOCK", "bpf_spin_unlock of different lock");
  walk.state.references = left;
};
