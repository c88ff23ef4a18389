import { NOT_INIT } from "../state/register.js";
import type { Walk } from "../walk.js";

const CALLER_SAVED = 5;

/** Calls leave nothing in r0..r5 but what they return. */
export const clobber = (walk: Walk): void => {
  for (let register = 0; register <= CALLER_SAVED; register++) {
    walk.touched.addRegister(0, register);
    walk.state.setRegister(register, NOT_INIT);
  }
};
