import type { Size } from "@ebpf/asm";
import type { ArgumentType, HelperPrototype, MapSpec } from "@ebpf/platform";
import { checkAlignment } from "../access/access.js";
import { frozenContent } from "../access/map-value.js";
import { knownOnStack } from "../access/stack.js";
import { checkUnmoved } from "../check/unmoved.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { isNull, isScalar, kindName, type Register } from "../state/register.js";
import type { Walk } from "../walk.js";
import { checkDynptr, DYNPTR_KINDS } from "./dynptr.js";
import { dropLock, takeLock } from "./lock.js";
import { checkMapField } from "./map-field.js";
import { checkMemory, type MemoryUse } from "./memory.js";

/** What a call's arguments told, for the rules that follow. */
export interface Arguments {
  map?: MapSpec;
  /** The map's own id when it came from a map of maps. */
  mapId: number;
  /** The key, where it is a known 4-byte number. */
  constantKey?: number;
  /** Bytes of the memory that the helper returns. */
  allocationSize?: number;
  /** The most that a size argument can be. */
  sizeLimit?: number;
  /** The dynptr that the call works on. */
  dynptr?: Register;
  /** The reference that a pointer argument stands for. */
  reference: number;
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
  readonly value: Register;
}

const mismatch = ({ register, value }: Call, expected: string): never =>
  reject("BAD_ARGUMENT", `R${register} type=${kindName(value)} expected=${expected}`, register);

const checkNullable = (call: Call, nullable: true | undefined): boolean => nullable === true && isNull(call.value);

const useMemory = (call: Call, size: number, use: MemoryUse, nullable?: true): void => {
  const { walk, helper, register, value, given } = call;
  // A helper that takes NULL takes what may be NULL.
  const pointer = nullable ? { ...value, nullable: false } : value;
  const effect = checkMemory(walk, { register, pointer, size, use, helper });
  if (effect !== undefined) given.effects.push(effect);
};

const checkMap = (call: Call, type: ArgumentOf<"map">): void => {
  const { value, given, register } = call;
  if (value.kind !== "map_ptr") mismatch(call, "map_ptr");
  if (type.types !== undefined && !type.types.includes(value.map!.type)) {
    reject("WRONG_MAP_TYPE", `R${register} is a map of type ${value.map!.type}`, register);
  }
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
  if (value.kind !== "map_value" || value.nullable) mismatch(call, helper.lock ? "map_value, ptr_" : "map_value");
  checkMapField(walk, call, field);
  if (helper.lock === undefined) {
    given.map = value.map!;
    given.mapId = value.mapId;
    return;
  }
  given.effects.push(() => (helper.lock === "take" ? takeLock(walk, value) : dropLock(walk, value)));
};

const checkDynptrArgument = (call: Call, type: ArgumentOf<"dynptr">): void => {
  const { value, given } = call;
  if ((value.kind !== "fp" && value.kind !== "dynptr_ptr") || value.nullable) mismatch(call, DYNPTR_KINDS);
  const { dynptr, effect } = checkDynptr(call, type);
  if (dynptr !== undefined) given.dynptr = dynptr;
  if (effect !== undefined) given.effects.push(effect);
};

const checkPerCpu = (call: Call): void => mismatch(call, "percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_");

/** Kinds of memory that a key or value may come from, in the kernel's words. */
const MEMORY_KINDS = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";

const mapOf = (call: Call): MapSpec =>
  call.given.map ?? reject("BAD_ARGUMENT", `invalid map_ptr to access map->key`, call.register);

const checkKey = (call: Call): void => {
  const map = mapOf(call);
  if (isScalar(call.value)) mismatch(call, MEMORY_KINDS);
  useMemory(call, map.keySize, "read");
  if (map.keySize === 4) {
    const key = knownOnStack(call.walk, call.value, 4);
    if (key !== undefined) call.given.constantKey = key.lo >>> 0;
  }
};

const checkValue = (call: Call, type: ArgumentOf<"map_value">): void => {
  const rules = call.walk.platform.mapTypes[mapOf(call).type];
  if (rules?.sockets) {
    checkSocket(call, { kind: "socket", full: false });
    return;
  }
  if (checkNullable(call, type.nullable)) return;
  if (isScalar(call.value)) mismatch(call, MEMORY_KINDS);
  useMemory(call, mapOf(call).valueSize, rules?.peekReads ? "read" : type.access, type.nullable);
};

const checkSizedMemory = (call: Call, type: ArgumentOf<"memory">): void => {
  if (type.size === undefined) return; // Checked with the size that follows.
  if (checkNullable(call, type.nullable)) return;
  if (type.aligned) {
    const size = type.size as Size;
    checkAlignment(call.walk, { pointer: call.value, offset: 0, size }, true);
  }
  useMemory(call, type.size, type.access, type.nullable);
};

/** A size belongs to the memory argument before it. Its smallest and its largest value are tried. */
const checkSize = (call: Call, type: ArgumentOf<"size">): void => {
  const { walk, helper, register, value, given } = call;
  const memory = helper.arguments[register - 2] as ArgumentOf<"memory">;
  const pointer = walk.read(register - 1);
  if (!isScalar(value)) mismatch(call, "scalar");
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
    if (memory.nullable && limit === 0) {
      walk.markPrecise(register);
      return;
    }
    mismatch(target, MEMORY_KINDS);
  }
  useMemory(target, limit, memory.access, memory.nullable);
  // Linux lets any number of bytes pass behind a pointer that may be NULL, which not all helpers look out for.
  if (pointer.nullable && limit > 0) {
    reject("UNSUPPORTED_HELPER", "bytes behind a pointer that may be NULL are not modelled", register);
  }
  walk.markPrecise(register);
};

const MAX_SIZE = 1 << 29;

const checkConstantSize = (call: Call): void => {
  const { register, value, given } = call;
  const size = isScalar(value) ? S.constantValue(value.value) : undefined;
  if (size === undefined) reject("BAD_SIZE", `R${register} is not a known constant'`, register);
  call.walk.markPrecise(register);
  // Linux takes the low 32 bits for the size of what it returns; a larger request gets NULL when it runs.
  given.allocationSize = size.lo >>> 0;
};

const SOCKETS: readonly Register["kind"][] = ["sock", "sock_common", "tcp_sock"];

const checkSocket = (call: Call, type: ArgumentOf<"socket">): void => {
  const { value, register, given } = call;
  if (checkNullable(call, type.nullable)) return;
  const fits = type.full ? value.kind === "sock" : SOCKETS.includes(value.kind);
  if (!fits || (value.nullable && !type.nullable))
    mismatch(call, type.full ? "sock" : "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_");
  if (value.offset !== 0 || !S.isConstant(value.value)) {
    reject(
      "BAD_ARGUMENT",
      `R${register} must have zero offset when passed to release func or trusted arg to kfunc`,
      register,
    );
  }
  given.reference = value.reference;
};

const checkAllocated = (call: Call): void => {
  const { value, register } = call;
  if (value.kind !== "mem" || !value.allocated || value.nullable) mismatch(call, "ringbuf_mem");
  if (value.offset !== 0 || !S.equal(value.value, S.ZERO)) {
    reject(
      "BAD_ARGUMENT",
      `R${register} must have zero offset when passed to release func or trusted arg to kfunc`,
      register,
    );
  }
};

/** Text with conversions that Linux is known to take: no width, flags or pointer extensions. */
const SIMPLE_FORMAT = /^(?:[\x20-\x24\x26-\x7e\t\n]|%%|%(?:l|ll)?[diux]|%s)*$/;

const checkString = (call: Call, type: ArgumentOf<"constant_string">): void => {
  const { value, register } = call;
  if (value.kind !== "map_value" || value.nullable) mismatch(call, "map_value");
  const content = frozenContent(value.map!);
  if (content === undefined) reject("BAD_ARGUMENT", `R${register} does not point to a readonly map'`, register);
  const start = S.constantValue(value.value);
  if (start === undefined) reject("BAD_ARGUMENT", `R${register} is not a constant address'`, register);
  const from = value.offset + W.toNumber(start);
  if (from < 0 || from >= content.length || content.indexOf(0, from) < 0) {
    reject("BAD_ARGUMENT", "string is not zero-terminated", register);
  }
  if (type.format) checkFormat(call, new TextDecoder().decode(content.subarray(from, content.indexOf(0, from))));
};

/** The register behind a format that tells how many bytes of 8-byte arguments there are: data, then its size. */
const DATA_SIZE_AFTER_FORMAT = 2;

/** Linux parses a format that it knows: it must be well-formed, and have an argument for each conversion. */
const checkFormat = ({ walk, register }: Call, format: string): void => {
  if (!SIMPLE_FORMAT.test(format)) {
    reject("UNSUPPORTED_HELPER", "only formats of plain numbers and strings are modelled", register);
  }
  const size = S.constantValue(walk.read(register + DATA_SIZE_AFTER_FORMAT).value);
  const conversions = format.replaceAll("%%", "").split("%").length - 1;
  if (size === undefined || W.toNumber(size) % 8 !== 0 || W.toNumber(size) / 8 < conversions) {
    reject("BAD_ARGUMENT", "Invalid format string", register);
  }
};

const checkContext = (call: Call, type: ArgumentOf<"context">): void => {
  if (checkNullable(call, type.nullable)) return;
  if (call.value.kind !== "ctx") mismatch(call, "ctx");
  checkUnmoved(call.value, call.register);
};

const checkZero = (call: Call): void => {
  if (isNull(call.value)) return;
  const name = call.helper.name.replace(/^bpf_/, "");
  reject("BAD_ARGUMENT", `${name}() doesn't support non-zero flags`, call.register);
};

const checkScalar = (call: Call): void => {
  if (!isScalar(call.value)) mismatch(call, "scalar");
};

const checkCallbackContext = (call: Call): void => {
  if (!isNull(call.value) && call.value.kind !== "fp") mismatch(call, "fp");
};

/** Kinds whose calls are refused before their arguments are looked at. */
const notReached = (): void => {};

const CHECKS: { readonly [K in ArgumentType["kind"]]: (call: Call, type: ArgumentOf<K>) => void } = {
  anything: () => {},
  scalar: checkScalar,
  zero: checkZero,
  context: checkContext,
  map: checkMap,
  map_key: checkKey,
  map_value: checkValue,
  memory: checkSizedMemory,
  size: checkSize,
  constant_size: checkConstantSize,
  constant_string: checkString,
  function: notReached,
  allocated: checkAllocated,
  socket: checkSocket,
  stack_or_null: checkCallbackContext,
  map_field: checkField,
  dynptr: checkDynptrArgument,
  percpu_object: checkPerCpu,
  unsupported: notReached,
};

const checkArgument = <K extends ArgumentType["kind"]>(call: Call, type: ArgumentOf<K> & { kind: K }): void =>
  CHECKS[type.kind](call, type);

/** Checks r1..r5 against the helper's prototype, in order. */
export const checkArguments = (walk: Walk, helper: HelperPrototype): Arguments => {
  const given: Arguments = { mapId: 0, reference: 0, effects: [] };
  helper.arguments.forEach((type, index) => {
    const register = index + 1;
    checkArgument({ walk, helper, given, register, value: walk.read(register) }, type);
  });
  return given;
};
