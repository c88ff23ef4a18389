import { unknownOf } from "../domain/cast.js";
import { type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

/** An arena's pages are there or fault without harm, so any access at any place of it is fine. */
export const accessArena = (_walk: Walk, { size }: Access): Register => scalarRegister(unknownOf(size));
