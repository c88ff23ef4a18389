import type { ProgramTypeName } from "@ebpf/platform";
import { accessContext } from "../access/context.js";
import { checkUnmoved } from "../check/unmoved.js";
import type { Subprogram } from "../program/program.js";
import { Rejection, reject } from "../report/reject.js";
import { isNull, isScalar, kindName, pointerRegister, type Register, UNKNOWN_SCALAR } from "../state/register.js";
import { FRAME_POINTER, Frame, State } from "../state/state.js";
import { withoutNull } from "../transfer/nullness.js";
import type { Walk } from "../walk.js";
import { clobber } from "./clobber.js";
import { checkDynptr } from "./dynptr.js";
import { notMemory } from "./expected.js";
import { checkMemory } from "./memory.js";
import { forgetPacket } from "./packet.js";
import { type Parameter, signatureOf } from "./signature.js";

/*
 * Global functions are verified once, by their signature, and not at each call. A call checks that the arguments keep
 * what the signature promises; its result is any number.
 */

const EMPTY: readonly never[] = [];

type Effects = readonly (() => void)[];

const use = (walk: Walk, register: number, pointer: Register, size: number): Effects => {
  const helper = { name: "global function", packetArguments: true } as const;
  checkMemory(walk, { register, pointer, size, use: "read", helper });
  const effect = checkMemory(walk, { register, pointer, size, use: "update", helper });
  return effect === undefined ? EMPTY : [effect];
};

/** Types whose programs see the context itself, and not fields that Linux fetches from elsewhere. */
const PLAIN_CONTEXT: ReadonlySet<ProgramTypeName> = new Set([
  "kprobe",
  "tracepoint",
  "raw_tracepoint",
  "raw_tracepoint_writable",
  "syscall",
  "cgroup_device",
  "lirc_mode2",
  "netfilter",
]);

/** Of a context that is taken for memory, Linux looks at the last byte alone. */
const useContext = (walk: Walk, register: number, pointer: Register, size: number): Effects => {
  if (!PLAIN_CONTEXT.has(walk.program.spec.type)) notMemory(register, pointer);
  const last = { register, pointer, offset: size - 1, size: 1 } as const;
  accessContext(walk, { ...last, kind: "read" });
  accessContext(walk, { ...last, kind: "write" });
  return EMPTY;
};

const checkMemoryArgument = (
  walk: Walk,
  register: number,
  value: Register,
  { size, nullable }: Extract<Parameter, { kind: "memory" }>,
): Effects => {
  // As in Linux, a known NULL passes for memory, also where the signature says that it must not be NULL.
  if (isNull(value)) return EMPTY;
  const pointer = value.nullable ? withoutNull(walk, value) : value;
  const effects =
    pointer.kind === "ctx" ? useContext(walk, register, pointer, size) : use(walk, register, pointer, size);
  if (value.nullable && !nullable) {
    reject("BAD_ARGUMENT", `arg#${register - 1} is expected to be non-NULL`, register);
  }
  return effects;
};

const checkDynptrArgument = (walk: Walk, register: number, value: Register): readonly never[] => {
  if (value.kind !== "fp" && value.kind !== "dynptr_ptr") {
    reject("BAD_ARGUMENT", `arg#${register - 1} expected pointer to stack or const struct bpf_dynptr`, register);
  }
  if (value.kind === "dynptr_ptr") checkUnmoved(value, register);
  checkDynptr({ walk, register, value }, { role: "use" });
  return EMPTY;
};

const checkObjectArgument = (
  register: number,
  value: Register,
  { nullable }: Extract<Parameter, { kind: "kernel_object" }>,
): readonly never[] => {
  if (isNull(value) && nullable) return EMPTY;
  if (value.kind === "ptr") reject("UNSUPPORTED_GLOBAL_FUNCTION", "objects of kernel types are not modelled yet");
  return reject("BAD_ARGUMENT", `R${register} type=${kindName(value)} expected=ptr_, trusted_ptr_, rcu_ptr_`, register);
};

const checkArgument = (walk: Walk, register: number, parameter: Parameter): Effects => {
  const value = walk.read(register);
  switch (parameter.kind) {
    case "scalar":
      if (!isScalar(value)) reject("BAD_ARGUMENT", `R${register} is not a scalar`, register);
      return EMPTY;
    case "context":
      if (value.kind === "ctx") checkUnmoved(value, register);
      else reject("BAD_ARGUMENT", `arg#${register - 1} expects pointer to ctx`, register);
      return EMPTY;
    case "dynptr":
      return checkDynptrArgument(walk, register, value);
    case "kernel_object":
      return checkObjectArgument(register, value, parameter);
    case "arena":
      if (value.kind !== "arena" && !isScalar(value)) {
        reject("BAD_ARGUMENT", `R${register} is not a pointer to arena or scalar.`, register);
      }
      return EMPTY;
    case "memory":
      return checkMemoryArgument(walk, register, value, parameter);
  }
};

/** What checking the arguments of a call does to the state. A refusal says for which function they were. */
const checkArguments = (walk: Walk, callee: Subprogram): Effects => {
  const invalid = `Caller passes invalid args into func#${callee.index} ('${callee.name}')`;
  try {
    const parameters = signatureOf(walk.program, callee);
    // The entry is called with a context or not at all.
    if (callee.index === 0 && (parameters.length !== 1 || parameters[0]!.kind !== "context")) {
      reject("BAD_ARGUMENT", "");
    }
    return parameters.flatMap((parameter, index) => checkArgument(walk, index + 1, parameter));
  } catch (thrown) {
    if (!(thrown instanceof Rejection)) throw thrown;
    const { code, message, registers } = thrown;
    return reject(code, `${message}\n${invalid}`.trimStart(), ...registers);
  }
};

/** A call of a global function: its arguments are checked, and it is noted to be verified by itself. */
export const callGlobal = (walk: Walk, callee: Subprogram): void => {
  const effects = checkArguments(walk, callee);
  for (const effect of effects) effect();
  walk.emit?.({ kind: "global call", callee });
  walk.globalsToVerify.add(callee.index);
  if (callee.movesPacket) forgetPacket(walk);
  clobber(walk);
  walk.state.setRegister(0, UNKNOWN_SCALAR);
  walk.pc++;
};

const initialValue = (walk: Walk, parameter: Parameter): Register => {
  switch (parameter.kind) {
    case "scalar":
      return UNKNOWN_SCALAR;
    case "context":
      return pointerRegister("ctx");
    case "dynptr":
      return pointerRegister("dynptr_ptr", { dynptr: "local", firstSlot: true, id: walk.newId() });
    case "kernel_object":
      return reject("UNSUPPORTED_GLOBAL_FUNCTION", "objects of kernel types are not modelled yet");
    // Numbers pass for addresses in the arena: a cast makes pointers of them.
    case "arena":
      return UNKNOWN_SCALAR;
    case "memory":
      return pointerRegister("mem", {
        size: parameter.size,
        nullable: parameter.nullable,
        id: parameter.nullable ? walk.newId() : 0,
      });
  }
};

/** The state in which a global function begins: its arguments are all that its signature allows. */
export const globalEntry = (walk: Walk, subprogram: Subprogram): State => {
  const frame = new Frame(0, subprogram.index, -1);
  frame.registers[FRAME_POINTER] = pointerRegister("fp", { frame: 0 });
  const parameters = signatureOf(walk.program, subprogram);
  if (subprogram.exceptionCallback && (parameters.length !== 1 || parameters[0]!.kind !== "scalar")) {
    reject("BAD_EXCEPTION_CALLBACK", "exception cb only supports single integer argument");
  }
  parameters.forEach((parameter, index) => {
    frame.registers[index + 1] = initialValue(walk, parameter);
  });
  return new State([frame], subprogram.start);
};
