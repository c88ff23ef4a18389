import { formatTnum } from "../report/format.js";
import { reject } from "../report/reject.js";
import { kindName, type Register } from "../state/register.js";

/** The pointer is used as the program got it, without any arithmetic on it. */
export const checkUnmoved = (pointer: Register, register: number): void => {
  const name = kindName(pointer);
  const place = `${name} ptr R${register} off=${pointer.offset} disallowed`;
  if (pointer.offset < 0) reject("CONTEXT_ACCESS", `negative offset ${place}`, register);
  if (pointer.offset !== 0) reject("CONTEXT_ACCESS", `dereference of modified ${place}`, register);
  const { bits } = pointer.value;
  if ((bits.value.lo | bits.value.hi | bits.mask.lo | bits.mask.hi) !== 0) {
    reject("CONTEXT_ACCESS", `variable ${name} access var_off=${formatTnum(bits)} disallowed`, register);
  }
};
