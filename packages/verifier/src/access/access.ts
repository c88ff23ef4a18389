import type { Size } from "@ebpf/asm";
import { unknownOf } from "../domain/cast.js";
import * as T from "../domain/tnum.js";
import * as W from "../domain/word.js";
import { formatTnum } from "../report/format.js";
import { reject } from "../report/reject.js";
import { isScalar, kindName, type PointerKind, type Register, scalarRegister } from "../state/register.js";
import type { Walk } from "../walk.js";
import { accessArena } from "./arena.js";
import { accessContext } from "./context.js";
import { accessFlowKeys } from "./flow-keys.js";
import { accessMap } from "./map-structure.js";
import { accessMapValue } from "./map-value.js";
import { accessPacket } from "./packet.js";
import { checkRegion } from "./region.js";
import { accessSocket } from "./socket.js";
import { readStack, writeStack } from "./stack.js";
import { accessTracepointBuffer } from "./tracepoint-buffer.js";

/** One access to memory by a load, store or atomic operation. */
export interface Access {
  readonly kind: "read" | "write";
  /** The register that holds the address. */
  readonly register: number;
  readonly pointer: Register;
  /** The instruction's offset. */
  readonly offset: number;
  readonly size: Size;
  /** What is stored; absent when it may be anything. */
  readonly value?: Register;
  /** A load that extends the sign. */
  readonly signed?: boolean;
}

/** Gives what a read yields, zero-extended. For writes the result is not used. */
type Accessor = (walk: Walk, access: Access) => Register;

const ALIGNMENT_NAME: Readonly<Partial<Record<PointerKind, string>>> = {
  pkt: "packet ",
  pkt_meta: "packet ",
  flow_keys: "flow keys ",
  map_key: "key ",
  map_value: "value ",
  ctx: "context ",
  fp: "stack ",
  sock: "sock ",
  sock_common: "sock_common ",
  tcp_sock: "tcp_sock ",
  xdp_sock: "xdp_sock ",
};

/** Stack accesses are always aligned, because spills are tracked by slot; others where the program asks for it. */
export const checkAlignment = (
  walk: Walk,
  { pointer, offset, size }: Pick<Access, "pointer" | "offset" | "size">,
  always = false,
): void => {
  const { strictAlignment, anyAlignment } = walk.program.spec.flags;
  const strict = strictAlignment && !anyAlignment;
  if (pointer.kind !== "fp" && !strict && !always) return;
  if (size === 1 || pointer.kind === "arena") return;
  const packet = pointer.kind === "pkt" || pointer.kind === "pkt_meta";
  // A packet's network header stands 2 bytes off, as Ethernet headers have 14.
  const base = packet ? 2 : 0;
  // Linux keeps a linked number's distance where pointers have their offset.
  const fixed = isScalar(pointer) ? pointer.delta : pointer.offset;
  const at = T.add(pointer.value.bits, T.constant(W.fromInt32(base + fixed + offset)));
  if (T.isAligned(at, size)) return;
  const name = pointer.nullable ? "" : (ALIGNMENT_NAME[pointer.kind as PointerKind] ?? "");
  const parts = `${formatTnum(pointer.value.bits)}+${fixed}+${offset}`;
  reject("MISALIGNED", `misaligned ${name}access off ${packet ? `2+${parts}` : parts} size ${size}`);
};

const accessMapKey: Accessor = (_walk, access) => {
  const { pointer, register, size } = access;
  if (access.kind === "write") reject("READ_ONLY", `write to change key R${register} not allowed`, register);
  checkRegion(access, pointer.map!.keySize, "map_key");
  return scalarRegister(unknownOf(size));
};

const accessMemory: Accessor = (_walk, access) => {
  const { pointer, register, size } = access;
  if (access.kind === "write" && pointer.readOnly) {
    reject("READ_ONLY", `R${register} cannot write into ${kindName(pointer)}`, register);
  }
  checkRegion(access, pointer.size, "mem");
  return scalarRegister(unknownOf(size));
};

const noAccess: Accessor = (_walk, { pointer, register }) =>
  reject("NOT_A_POINTER", `R${register} invalid mem access '${kindName(pointer)}'`, register);

const accessStack: Accessor = (walk, access) =>
  access.kind === "read" ? readStack(walk, access) : writeStack(walk, access);

const ACCESSORS: Readonly<Record<PointerKind, Accessor>> = {
  ctx: accessContext,
  map_ptr: accessMap,
  map_value: accessMapValue,
  map_key: accessMapKey,
  fp: accessStack,
  pkt: accessPacket,
  pkt_meta: accessPacket,
  pkt_end: noAccess,
  mem: accessMemory,
  sock: accessSocket,
  sock_common: accessSocket,
  tcp_sock: accessSocket,
  xdp_sock: accessSocket,
  flow_keys: accessFlowKeys,
  func: noAccess,
  dynptr: noAccess,
  dynptr_ptr: noAccess,
  arena: accessArena,
  tp_buffer: accessTracepointBuffer,
  ptr: () => reject("UNSUPPORTED_ACCESS", "objects of kernel types are not modelled yet"),
};

/** Kinds whose accesses are rewritten by the kernel, so that one instruction can't access two of them. */
const REWRITTEN: readonly PointerKind[] = ["ctx", "sock", "sock_common", "tcp_sock", "xdp_sock", "ptr", "arena"];

const remember = (walk: Walk, kind: PointerKind): void => {
  const regions = walk.facts.accesses(walk.pc, kind);
  if (regions.length > 1 && regions.some((region) => REWRITTEN.includes(region))) {
    reject("MIXED_POINTERS", "same insn cannot be used with different pointers");
  }
};

/** Checks an access and gives what a read yields: a value zero-extended from `size` bytes, or a pointer. */
export const accessMemoryAt = (walk: Walk, access: Access): Register => {
  const { pointer, register } = access;
  checkAlignment(walk, access);
  if (pointer.kind === "scalar" || pointer.kind === "not_init") {
    reject("NOT_A_POINTER", `R${register} invalid mem access 'scalar'`, register);
  }
  if (pointer.nullable) {
    reject("NULLABLE_POINTER", `R${register} invalid mem access '${kindName(pointer)}'`, register);
  }
  const result = ACCESSORS[pointer.kind](walk, access);
  remember(walk, pointer.kind);
  return result;
};
