import type { ArgumentType, HelperPrototype } from "@ebpf/platform";
import { checkUnmoved } from "../check/unmoved.js";
import { reject } from "../report/reject.js";
import { isPacketPointer, isPointer, kindName, type Register, type RegisterKind } from "../state/register.js";
import type { Walk } from "../walk.js";

/*
 * Which kinds of value each kind of argument may be. What a value of the right kind must fulfil beyond that is told in
 * arguments.ts.
 */

type Kinds = readonly string[];

/** Memory whose bytes helpers may use, in the words and order of kernel logs. */
const MEMORY: Kinds = ["fp", "pkt", "pkt_meta", "map_key", "map_value", "mem", "ringbuf_mem", "buf", "trusted_ptr_"];
const SOCKETS: Kinds = ["sock_common", "sock", "tcp_sock", "xdp_sock"];
const KERNEL_SOCKETS: Kinds = [...SOCKETS, "ptr_", "trusted_ptr_"];

const ALWAYS: { readonly [K in ArgumentType["kind"]]?: Kinds } = {
  scalar: ["scalar"],
  context: ["ctx"],
  map: ["map_ptr"],
  map_key: MEMORY,
  map_value: MEMORY,
  memory: MEMORY,
  size: ["scalar"],
  constant_size: ["scalar"],
  constant_string: ["map_value"],
  function: ["func"],
  allocated: ["ringbuf_mem"],
  stack_or_null: ["fp"],
  dynptr: ["fp", "dynptr_ptr"],
  percpu_object: ["percpu_ptr_", "percpu_rcu_ptr_", "percpu_trusted_ptr_"],
  kernel_object: ["ptr_", "trusted_ptr_", "rcu_ptr_"],
  kernel_pointer: ["map_value", "ptr_"],
};

const expectedKinds = (helper: HelperPrototype, argument: ArgumentType): Kinds | undefined => {
  switch (argument.kind) {
    case "socket":
      if (argument.full) return ["sock"];
      return argument.kernelTypes ? KERNEL_SOCKETS : SOCKETS;
    case "map_field":
      return helper.lock === undefined ? ["map_value"] : ["map_value", "ptr_"];
    default:
      return ALWAYS[argument.kind];
  }
};

/** Kinds of pointers that arguments may be with an offset. Others are passed as the program got them. */
const MAY_BE_MOVED: ReadonlySet<RegisterKind> = new Set([
  "fp",
  "pkt",
  "pkt_meta",
  "map_key",
  "map_value",
  "mem",
  "ptr",
]);

/** Refuses a value that isn't of an expected kind, in the kernel's words. */
export const mismatch = (register: number, kind: string, expected: Kinds): never =>
  reject("BAD_ARGUMENT", `R${register} type=${kind} expected=${expected.join(", ")}`, register);

/** Refuses bytes behind something that isn't memory: helpers would take the stack. */
export const notMemory = (register: number, value: Register): never => mismatch(register, kindName(value), ["fp"]);

/** Whether the argument may be NULL. */
export const takesNull = (argument: ArgumentType): boolean =>
  argument.kind === "stack_or_null" || ("nullable" in argument && argument.nullable === true);

/** Checks that an argument is of a kind that it may be; where NULL is allowed, NULL itself isn't given here. */
export const checkKind = (
  walk: Walk,
  helper: HelperPrototype,
  {
    argument,
    register,
    value,
  }: { readonly argument: ArgumentType; readonly register: number; readonly value: Register },
): void => {
  const expected = expectedKinds(helper, argument);
  if (expected === undefined) return;
  if (isPacketPointer(value) && !helper.packetArguments && !walk.program.rules.packetArguments) {
    reject("BAD_ARGUMENT", "helper access to the packet is not allowed", register);
  }
  const kind = kindName(value.nullable && takesNull(argument) ? value.with({ nullable: false }) : value);
  if (!expected.includes(kind)) mismatch(register, kindName(value), expected);
  if (value.kind === "ptr") reject("UNSUPPORTED_HELPER", "objects of kernel types are not modelled yet", register);
  const released = helper.releases === register - 1;
  if (released && value.offset !== 0) {
    const message = `R${register} must have zero offset when passed to release func or trusted arg to kfunc`;
    reject("BAD_ARGUMENT", message, register);
  }
  if (isPointer(value) && (released || !MAY_BE_MOVED.has(value.kind))) checkUnmoved(value, register);
};
