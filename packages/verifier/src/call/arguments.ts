import type { Size } from "@ebpf/asm";
import type { ArgumentType, HelperPrototype, MapSpec } from "@ebpf/platform";
import { checkAlignment } from "../access/access.js";
import { knownOnStack } from "../access/stack.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { isNull, type Register } from "../state/register.js";
import type { Walk } from "../walk.js";
import { checkDynptr } from "./dynptr.js";
import { checkKind, notMemory, takesNull } from "./expected.js";
import { dropLock, takeLock } from "./lock.js";
import { checkKernelPointerField, checkMapField } from "./map-field.js";
import { checkMemory, type MemoryUse } from "./memory.js";
import { constantText } from "./text.js";

/** What a call's arguments told, for the rules that follow. */
export interface Arguments {
  map?: MapSpec;
  /** The map's own id when it came from a map of maps. */
  mapId: number;
  /** The key of a map that has as many entries, where it is known. */
  constantKey?: number;
  /** Bytes of the memory that the helper returns. */
  allocationSize?: number;
  /** The most that a size argument can be. */
  sizeLimit?: number;
  /** The dynptr that the call works on. */
  dynptr?: Register;
  /** The reference that an argument stands for. */
  reference: number;
  /** The format that a register points to. */
  format?: { readonly register: number; readonly text: string };
  /** Changes to the state that happen only when all arguments are right. */
  readonly effects: (() => void)[];
}

type ArgumentOf<K extends ArgumentType["kind"]> = Extract<ArgumentType, { readonly kind: K }>;

interface Call {
  readonly walk: Walk;
  readonly helper: HelperPrototype;
  readonly given: Arguments;
  /** 1..5 */
  readonly register: number;
  /** Of a kind that the argument may be. */
  readonly value: Register;
}

interface Use {
  readonly use: MemoryUse;
  readonly nullable?: true | undefined;
  readonly neverEmpty?: boolean;
}

const useMemory = (call: Call, size: number, { use, nullable, neverEmpty = false }: Use): void => {
  const { walk, helper, register, value, given } = call;
  // A helper that takes NULL takes what may be NULL.
  const pointer = nullable ? value.with({ nullable: false }) : value;
  const effect = checkMemory(walk, { register, pointer, size, use, helper, neverEmpty });
  if (effect !== undefined) given.effects.push(effect);
};

const checkMap = ({ value, given, register }: Call): void => {
  if (value.map!.type === "unspec") reject("UNSUPPORTED_MAP", "an inner map of an unknown kind", register);
  if (given.map !== undefined && (given.map !== value.map || given.mapId !== value.mapId)) {
    const message = `timer pointer in R1 map_uid=${given.mapId} doesn't match map pointer in R2 map_uid=${value.mapId}`;
    reject("BAD_MAP_FIELD", message, register);
  }
  given.map = value.map!;
  given.mapId = value.mapId;
};

/** A lock, or a field that its helpers need the map of. */
const checkField = (call: Call, { field }: ArgumentOf<"map_field">): void => {
  const { walk, value, given, helper } = call;
  checkMapField(walk, call, field);
  if (helper.lock === undefined) {
    given.map = value.map!;
    given.mapId = value.mapId;
    return;
  }
  given.effects.push(() => (helper.lock === "take" ? takeLock(walk, value) : dropLock(walk, value)));
};

const checkDynptrArgument = (call: Call, type: ArgumentOf<"dynptr">): void => {
  const { dynptr, effect } = checkDynptr(call, type);
  if (dynptr !== undefined) call.given.dynptr = dynptr;
  if (effect !== undefined) call.given.effects.push(effect);
};

const mapOf = (call: Call): MapSpec =>
  call.given.map ?? reject("BAD_ARGUMENT", `invalid map_ptr to access map->key`, call.register);

const checkKey = (call: Call): void => {
  const map = mapOf(call);
  useMemory(call, map.keySize, { use: "read", neverEmpty: true });
  if (map.keySize === 4 && call.walk.platform.mapTypes[map.type]?.allPresent) {
    const key = knownOnStack(call.walk, call.value, 4);
    // In range is a key when what Linux takes it for is.
    if (key !== undefined && key.taken.hi === 0 && key.taken.lo >>> 0 < map.maxEntries) {
      call.given.constantKey = key.value.lo >>> 0;
    }
  }
};

/** Memory for a value of the map; a socket, which `checkArguments` takes for one, where the map's values are sockets. */
const checkValue = (call: Call, type: ArgumentOf<"map_value">): void => {
  const { type: mapType, valueSize } = mapOf(call);
  const use = call.walk.platform.mapTypes[mapType]?.peekReads ? "read" : type.access;
  useMemory(call, valueSize, { use, nullable: type.nullable, neverEmpty: true });
};

const checkSizedMemory = (call: Call, type: ArgumentOf<"memory">): void => {
  if (type.size === undefined) return; // Checked with the size that follows.
  useMemory(call, type.size, { use: type.access, nullable: type.nullable });
  if (!type.aligned) return;
  checkAlignment(call.walk, { pointer: call.value, offset: 0, size: type.size as Size }, true);
};

/** A size belongs to the memory argument before it. Its smallest and its largest value are tried. */
const checkSize = (call: Call, type: ArgumentOf<"size">): void => {
  const { walk, helper, register, value, given } = call;
  const memory = helper.arguments[register - 2] as ArgumentOf<"memory">;
  const pointer = walk.read(register - 1);
  const { u64, s64 } = value.value;
  given.sizeLimit = W.toUnsignedNumber(u64.max);
  if (W.less(s64.min, W.ZERO)) {
    reject("BAD_SIZE", `R${register} min value is negative, either use unsigned or 'var &= const'`, register);
  }
  if (W.isZero(u64.min) && !type.zero) {
    reject(
      "BAD_SIZE",
      `R${register} invalid zero-sized read: u64=[${W.toBigInt(u64.min)},${W.toBigInt(u64.max)}]`,
      register,
    );
  }
  const limit = W.toUnsignedNumber(u64.max);
  if (limit >= MAX_SIZE) {
    reject("BAD_SIZE", `R${register} unbounded memory access, use 'var &= const' or 'if (var < const)'`, register);
  }
  const target: Call = { ...call, register: register - 1, value: pointer };
  if (isNull(pointer)) {
    if (limit > 0) notMemory(register - 1, pointer);
    walk.markPrecise(register);
    return;
  }
  // What a helper may leave as it was must hold something.
  const use = memory.access === "write" && S.constantValue(value.value) === undefined ? "update" : memory.access;
  useMemory(target, limit, { use, nullable: memory.nullable });
  // Linux lets any number of bytes pass behind a pointer that may be NULL, which not all helpers look out for.
  if (pointer.nullable && limit > 0) {
    reject("UNSUPPORTED_HELPER", "bytes behind a pointer that may be NULL are not modelled", register);
  }
  walk.markPrecise(register);
};

const MAX_SIZE = 1 << 29;

const checkConstantSize = (call: Call): void => {
  const { register, value, given } = call;
  const size = S.constantValue(value.value);
  if (size === undefined) reject("BAD_SIZE", `R${register} is not a known constant'`, register);
  call.walk.markPrecise(register);
  // Linux takes the low 32 bits for the size of what it returns; a larger request gets NULL when it runs.
  given.allocationSize = size.lo >>> 0;
};

const checkString = ({ register, value, given }: Call, { format }: ArgumentOf<"constant_string">): void => {
  const text = constantText(register, value);
  if (format) given.format = { register, text };
};

const checkZero = (call: Call): void => {
  if (isNull(call.value)) return;
  const name = call.helper.name.replace(/^bpf_/, "");
  reject("BAD_ARGUMENT", `${name}() doesn't support non-zero flags`, call.register);
};

const refuseKernelObject = ({ helper, register }: Call): never =>
  reject("UNSUPPORTED_HELPER", `${helper.name} takes a kernel object, which is not modelled yet`, register);

/** The kind of such an argument is all that there is to check. */
const passes = (): void => {};

const CHECKS: { readonly [K in ArgumentType["kind"]]: (call: Call, type: ArgumentOf<K>) => void } = {
  anything: passes,
  scalar: passes,
  zero: checkZero,
  context: passes,
  map: checkMap,
  map_key: checkKey,
  map_value: checkValue,
  memory: checkSizedMemory,
  size: checkSize,
  constant_size: checkConstantSize,
  constant_string: checkString,
  function: passes,
  allocated: passes,
  socket: passes,
  stack_or_null: passes,
  map_field: checkField,
  dynptr: checkDynptrArgument,
  percpu_object: passes,
  kernel_object: refuseKernelObject,
  kernel_pointer: checkKernelPointerField,
};

const checkByKind = <K extends ArgumentType["kind"]>(call: Call, type: ArgumentOf<K> & { kind: K }): void =>
  CHECKS[type.kind](call, type);

/** A call works on one acquired object at most; the place of a pointer that is exchanged may lie in another one. */
const noteReference = ({ given, value: { reference }, register }: Call, { kind }: ArgumentType): void => {
  if (reference === 0 || kind === "kernel_pointer") return;
  if (given.reference !== 0) {
    const message = `more than one arg with ref_obj_id R${register} ${reference} ${given.reference}`;
    reject("BAD_ARGUMENT", message, register);
  }
  given.reference = reference;
};

const SOCKET_VALUE: ArgumentType = { kind: "socket", full: false, kernelTypes: true };

/** What the argument is, given the arguments before it: values of some maps are sockets, and no memory to be written to. */
const resolved = ({ walk, given, register }: Call, type: ArgumentType): ArgumentType => {
  if (type.kind !== "map_value" || given.map === undefined || !walk.platform.mapTypes[given.map.type]?.sockets)
    return type;
  return type.access === "read" && !type.nullable
    ? SOCKET_VALUE
    : reject("BAD_ARGUMENT", "invalid arg_type for sockmap/sockhash", register);
};

/** Checks r1..r5 against the helper's prototype, in order. */
export const checkArguments = (walk: Walk, helper: HelperPrototype): Arguments => {
  const given: Arguments = { mapId: 0, reference: 0, effects: [] };
  helper.arguments.forEach((type, index) => {
    const register = index + 1;
    const call: Call = { walk, helper, given, register, value: walk.read(register) };
    const argument = resolved(call, type);
    if (argument.kind === "anything") return;
    if (takesNull(argument) && isNull(call.value)) return;
    checkKind(walk, helper, { argument, register, value: call.value });
    noteReference(call, argument);
    checkByKind(call, argument);
  });
  return given;
};
