import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import type { Register } from "../state/register.js";
import type { Walk } from "../walk.js";

interface FieldArgument {
  readonly walk: Walk;
  readonly value: Register;
  readonly register: number;
}

/** Checks an argument that must point to a field with a pointer to a kernel object. */
export const checkKernelPointerField = ({ walk, value, register }: FieldArgument): never => {
  const map = value.map;
  if (!S.isConstant(value.value)) {
    reject(
      "BAD_MAP_FIELD",
      `R${register} doesn't have constant offset. kptr has to be at the constant offset`,
      register,
    );
  }
  if (map !== undefined && map.btf === undefined) {
    reject("BAD_MAP_FIELD", `map '${map.name}' has to have BTF in order to use bpf_kptr_xchg`, register);
  }
  if (map !== undefined && !walk.fieldsOf(map).some(({ name }) => name === "kptr")) {
    reject("BAD_MAP_FIELD", `R${register} has no valid kptr`, register);
  }
  return reject("UNSUPPORTED_HELPER", "pointers to kernel objects in maps are not modelled yet", register);
};

/** Checks that a pointer into a map's value points to the value's field of a type, such as `bpf_timer`. */
export const checkMapField = (
  walk: Walk,
  { value, register }: { readonly value: Register; readonly register: number },
  field: string,
): void => {
  const variable = S.constantValue(value.value);
  if (variable === undefined) {
    const message = `R${register} doesn't have constant offset. ${field} has to be at the constant offset`;
    reject("BAD_MAP_FIELD", message, register);
  }
  const map = value.map!;
  if (map.btf === undefined) {
    reject("BAD_MAP_FIELD", `map '${map.name}' has to have BTF in order to use ${field}`, register);
  }
  const place = walk.fieldsOf(map).find(({ name }) => name === field);
  if (place === undefined) reject("BAD_MAP_FIELD", `map '${map.name}' has no valid ${field}`, register);
  const offset = value.offset + W.toNumber(variable);
  if (offset !== place.offset) {
    const message = `off ${offset} doesn't point to 'struct ${field}' that is at ${place.offset}`;
    reject("BAD_MAP_FIELD", message, register);
  }
};
