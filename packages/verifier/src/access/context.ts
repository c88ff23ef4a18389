import { ATTACH_TYPES, type ContextField } from "@ebpf/platform";
import { checkUnmoved } from "../check/unmoved.js";
import { unknownOf } from "../domain/cast.js";
import { reject } from "../report/reject.js";
import { type PointerKind, pointerRegister, type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import type { Access } from "./access.js";

const POINTERS: Readonly<Record<Exclude<ContextField["value"], "scalar">, { kind: PointerKind; nullable: boolean }>> = {
  packet: { kind: "pkt", nullable: false },
  packet_meta: { kind: "pkt_meta", nullable: false },
  packet_end: { kind: "pkt_end", nullable: false },
  sock: { kind: "sock", nullable: false },
  sock_or_null: { kind: "sock", nullable: true },
  sock_common_or_null: { kind: "sock_common", nullable: true },
  flow_keys: { kind: "flow_keys", nullable: false },
  tp_buffer: { kind: "tp_buffer", nullable: false },
  kernel_object: { kind: "ptr", nullable: false },
};

/** Whether a part of an element may be loaded; `at` counts from the element's first byte. */
const mayNarrow = ({ narrow, narrowest = 1, access }: ContextField, at: number, size: number): boolean => {
  if (size < narrowest) return false;
  if (narrow === "start") return at === 0;
  if (narrow === "behind") return at > 0;
  return narrow === "half" ? at + size <= access / 2 : narrow;
};

const sizeFits = (field: ContextField, { offset, size, kind }: Access): boolean => {
  if (size === field.access) return true;
  if (size > field.access) return field.wide === true && size === 8;
  if (kind === "write") return field.narrowStore === true;
  return mayNarrow(field, (offset - field.offset) % field.access, size);
};

/** The pointer that a load gives; `undefined` where it gives a number, as parts of a pointer are. */
const pointerIn = ({ value, access }: ContextField, { size }: Access) =>
  value === "scalar" || size < access ? undefined : POINTERS[value];

const allows = (walk: Walk, field: ContextField, access: Access): boolean => {
  const { attachType = ATTACH_TYPES[0] } = walk.program.spec;
  const open = (types: readonly string[] | undefined): boolean => types?.includes(attachType) ?? true;
  if (!open(field.attachTypes)) return false;
  const permitted = access.kind === "read" ? field.readable : field.writable && open(field.writableBy);
  return permitted && sizeFits(field, access) && !(access.signed && pointerIn(field, access));
};

export const accessContext = (walk: Walk, access: Access): Register => {
  const { pointer, register, offset, size } = access;
  checkUnmoved(pointer, register);
  const field = walk.program.rules.context.fields.find(
    (row) => row.offset <= offset && offset + size <= row.offset + row.size,
  );
  if (field === undefined || offset % size !== 0 || !allows(walk, field, access)) {
    reject("CONTEXT_ACCESS", `invalid bpf_context access off=${offset} size=${size}`, register);
  }
  const given = pointerIn(field, access);
  if (given === undefined) return scalarRegister(unknownOf(size));
  const { kind, nullable } = given;
  return pointerRegister(kind, { nullable, trusted: kind === "ptr", id: nullable ? walk.newId() : 0 });
};
