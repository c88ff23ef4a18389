import { unknownOf } from "../domain/cast.js";
import { reject } from "../report/reject.js";
import { type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

/** An arena's pages are there or fault without harm, so any access at any place of it is fine. */
export const accessArena = (_walk: Walk, { size, signed }: Access): Register => {
  if (signed) reject("UNSUPPORTED_ARENA", "loads from an arena that extend the sign are not modelled yet");
  return scalarRegister(unknownOf(size));
};
