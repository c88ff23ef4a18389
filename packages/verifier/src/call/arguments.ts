import type { ArgumentType, HelperPrototype, MapSpec } from "@ebpf/platform";
import { checkUnmodifiedContext } from "../access/context.js";
import { frozenContent } from "../access/map-value.js";
import * as S from "../domain/scalar.js";
import * as W from "../domain/word.js";
import { reject } from "../report/reject.js";
import { isNull, isScalar, kindName, type Register } from "../state/register.js";
import type { Walk } from "../walk.js";
import { checkMemory, type MemoryUse } from "./memory.js";

/** What a call's arguments told, for the rules that follow. */
export interface Arguments {
  map?: MapSpec;
  /** The map's own id when it came from a map of maps. */
  mapId: number;
  /** Bytes of the memory that the helper returns. */
  allocationSize?: number;
  /** The most that a size argument can be. */
  sizeLimit?: number;
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

const useMemory = (call: Call, size: number, use: MemoryUse): void => {
  const { walk, helper, register, value, given } = call;
  const effect = checkMemory(walk, { register, pointer: value, size, use, helper });
  if (effect !== undefined) given.effects.push(effect);
};

const checkMap = (call: Call, type: ArgumentOf<"map">): void => {
  const { value, given, register } = call;
  if (value.kind !== "map_ptr") mismatch(call, "map_ptr");
  if (type.types !== undefined && !type.types.includes(value.map!.type)) {
    reject("WRONG_MAP_TYPE", `R${register} is a map of type ${value.map!.type}`, register);
  }
  given.map = value.map!;
  given.mapId = value.mapId;
};

/** Kinds of memory that a key or value may come from, in the kernel's words. */
const MEMORY_KINDS = "fp, pkt, pkt_meta, map_key, map_value";

const mapOf = (call: Call): MapSpec =>
  call.given.map ?? reject("BAD_ARGUMENT", `invalid map_ptr to access map->key`, call.register);

const checkKey = (call: Call): void => {
  const map = mapOf(call);
  if (isScalar(call.value)) mismatch(call, MEMORY_KINDS);
  useMemory(call, map.keySize, "read");
};

const checkValue = (call: Call, type: ArgumentOf<"map_value">): void => {
  if (checkNullable(call, type.nullable)) return;
  if (isScalar(call.value)) mismatch(call, MEMORY_KINDS);
  useMemory(call, mapOf(call).valueSize, type.access);
};

const checkSizedMemory = (call: Call, type: ArgumentOf<"memory">): void => {
  if (type.size === undefined) return; // Checked with the size that follows.
  if (checkNullable(call, type.nullable)) return;
  useMemory(call, type.size, type.access);
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
    if (memory.nullable && limit === 0) return;
    if (memory.nullable && type.zero && W.isZero(u64.max)) return;
    mismatch(target, `${MEMORY_KINDS}, mem, ringbuf_mem, buf, trusted_ptr_`);
  }
  useMemory(target, limit, memory.access);
};

const MAX_SIZE = 1 << 29;

const checkConstantSize = (call: Call): void => {
  const { register, value, given } = call;
  const size = isScalar(value) ? S.constantValue(value.value) : undefined;
  if (size === undefined) return reject("BAD_SIZE", `R${register} is not a known constant'`, register);
  if (size.hi !== 0 || size.lo < 0) return reject("BAD_SIZE", `R${register} size is too large`, register);
  given.allocationSize = size.lo;
};

const SOCKETS: readonly Register["kind"][] = ["sock", "sock_common", "tcp_sock"];

const checkSocket = (call: Call, type: ArgumentOf<"socket">): void => {
  const { value, register, given } = call;
  if (checkNullable(call, type.nullable)) return;
  const fits = type.full ? value.kind === "sock" : SOCKETS.includes(value.kind);
  if (!fits || (value.nullable && !type.nullable)) mismatch(call, type.full ? "sock" : "sock_common, sock, tcp_sock");
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

const checkString = (call: Call): void => {
  const { value, register } = call;
  if (value.kind !== "map_value" || value.nullable) return mismatch(call, "map_value");
  const content = frozenContent(value.map!);
  if (content === undefined) return reject("BAD_ARGUMENT", `R${register} does not point to a readonly map'`, register);
  const start = S.constantValue(value.value);
  if (start === undefined) return reject("BAD_ARGUMENT", `R${register} is not a constant address'`, register);
  const from = value.offset + W.toNumber(start);
  if (from < 0 || from >= content.length || content.indexOf(0, from) < 0) {
    reject("BAD_ARGUMENT", "string is not zero-terminated", register);
  }
};

const checkContext = (call: Call, type: ArgumentOf<"context">): void => {
  if (checkNullable(call, type.nullable)) return;
  if (call.value.kind !== "ctx") mismatch(call, "ctx");
  checkUnmodifiedContext(call.value, call.register);
};

const checkArgument = (call: Call, type: ArgumentType): void => {
  switch (type.kind) {
    case "anything":
    case "unsupported":
    case "function":
      return;
    case "scalar":
      if (!isScalar(call.value)) mismatch(call, "scalar");
      return;
    case "context":
      return checkContext(call, type);
    case "map":
      return checkMap(call, type);
    case "map_key":
      return checkKey(call);
    case "map_value":
      return checkValue(call, type);
    case "memory":
      return checkSizedMemory(call, type);
    case "size":
      return checkSize(call, type);
    case "constant_size":
      return checkConstantSize(call);
    case "constant_string":
      return checkString(call);
    case "allocated":
      return checkAllocated(call);
    case "socket":
      return checkSocket(call, type);
    case "stack_or_null":
      if (!isNull(call.value) && call.value.kind !== "fp") mismatch(call, "fp");
  }
};

/** Checks r1..r5 against the helper's prototype, in order. */
export const checkArguments = (walk: Walk, helper: HelperPrototype): Arguments => {
  const given: Arguments = { mapId: 0, reference: 0, effects: [] };
  helper.arguments.forEach((type, index) => {
    const register = index + 1;
    checkArgument({ walk, helper, given, register, value: walk.read(register) }, type);
  });
  return given;
};
