import { unknownOf } from "../domain/cast.js";
import * as S from "../domain/scalar.js";
import { formatTnum } from "../report/format.js";
import { reject } from "../report/reject.js";
import { type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

/** What a writable tracepoint lets programs change: its size is checked when the program is attached. */
export const accessTracepointBuffer = (_walk: Walk, { pointer, register, size, ...access }: Access): Register => {
  const offset = pointer.offset + access.offset;
  if (offset < 0) {
    reject("OUT_OF_BOUNDS", `R${register} invalid tracepoint buffer access: off=${offset}, size=${size}`, register);
  }
  if (!S.isConstant(pointer.value) || S.constantValue(pointer.value)?.lo !== 0) {
    const place = `off=${offset}, var_off=${formatTnum(pointer.value.bits)}`;
    reject("OUT_OF_BOUNDS", `R${register} invalid variable buffer offset: ${place}`, register);
  }
  return scalarRegister(unknownOf(size));
};
