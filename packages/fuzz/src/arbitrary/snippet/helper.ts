import { at, R0, R1, R2, R3, R4, R5, R6, R10, type Register } from "@ebpf/asm";
import { type ArgumentType, type HelperPrototype, linux, type MapTypeName } from "@ebpf/platform";
import fc from "fast-check";
import { chance, constant32 } from "../constant.js";
import { AREA, FRAME, type Lowering, type Snippet } from "../lowering.js";
import { FUZZ_MAPS, handleOf } from "../maps.js";
import { live } from "./number.js";

/*
 * Calls of any helper of the platform's table, with arguments that its prototype asks for. A slip gives one argument
 * something else.
 */

const ARGUMENTS = [R1, R2, R3, R4, R5] as const;

interface Choices {
  readonly map: number;
  readonly size: number;
  readonly sizeFrom: Register | undefined;
  readonly number: number;
  readonly register: Register;
  readonly fromRegister: boolean;
  readonly constant: number;
}

const choices = (): fc.Arbitrary<Choices> =>
  fc.record({
    map: fc.nat({ max: 63 }),
    size: fc.constantFrom(8, 1, 4, 12, 16, 24, 32, 33, 0, -1),
    sizeFrom: fc.option(live(), { nil: undefined, freq: 3 }),
    number: constant32(),
    register: live(),
    fromRegister: fc.boolean(),
    constant: fc.nat({ max: 40 }),
  });

/** The maps that a helper takes: those of the rows that name it, or of any type. */
const mapsFor = ({ name }: HelperPrototype, types: readonly MapTypeName[] | undefined): readonly number[] => {
  const short = name.replace("bpf_", "");
  const takers = [...FUZZ_MAPS].filter(([, { type }]) => linux.mapTypes[type]?.helpers.includes(short));
  const allowed = types === undefined ? takers : [...FUZZ_MAPS].filter(([, { type }]) => types.includes(type));
  return (allowed.length > 0 ? allowed : [...FUZZ_MAPS]).map(([handle]) => handle);
};

type Give = (code: Lowering, register: Register, chosen: Choices, helper: HelperPrototype) => void;

const number: Give = ({ code }, register, { number: value, register: from, fromRegister }) => {
  code.mov(register, fromRegister ? from : value);
};

/** Memory in the first area, or the second where the helper's other argument has the first. */
const memory: Give = (code, register) => {
  code.loadFrameAddress(register, register === R2 || register === R1 ? FRAME.first : FRAME.second);
};

const size: Give = ({ code }, register, { size: bytes, sizeFrom }) => {
  if (sizeFrom === undefined || register === R1) code.mov(register, bytes);
  else code.mov(register, sizeFrom).alu("and", register, AREA - 1);
};

/** What an argument of each kind is given. */
const GIVE: Readonly<Record<ArgumentType["kind"], Give>> = {
  anything: number,
  scalar: number,
  zero: ({ code }, register) => code.mov(register, 0),
  context: ({ code }, register) => code.mov(register, R6),
  map: (code, register, { map }, helper) => {
    const argument = helper.arguments.find(({ kind }) => kind === "map");
    const handles = mapsFor(helper, argument?.kind === "map" ? argument.types : undefined);
    code.loadMap(register, handles[map % handles.length]!);
  },
  map_key: memory,
  map_value: memory,
  memory,
  size,
  constant_size: ({ code }, register, { size: bytes }) => code.mov(register, bytes),
  constant_string: (code, register, { constant }) =>
    code.loadMapValue(register, handleOf("constants"), constant % AREA),
  function: (code, register) => {
    code.loadCallback(register, (inner) => {
      inner.hasContext = false;
      inner.code.mov(R6, R1);
      for (const dst of [7, 8, 9]) inner.code.emit("mov64_imm", { dst, imm: dst });
    });
  },
  allocated: ({ code }, register) => code.mov(register, 0),
  socket: ({ code }, register) => code.mov(register, 0),
  stack_or_null: memory,
  map_field: memory,
  dynptr: memory,
  percpu_object: number,
  kernel_object: number,
  kernel_pointer: memory,
};

/** Helpers that take part in snippets of their own, or end the program. */
const SPECIAL: ReadonlySet<string> = new Set([
  "bpf_ringbuf_reserve",
  "bpf_ringbuf_submit",
  "bpf_ringbuf_discard",
  "bpf_loop",
]);

/** Loads a socket into r0 where the context has one, checked for NULL. */
const loadSocket = (code: Lowering, end: string): boolean => {
  const field = code.rules.context.fields.find(({ value }) => value === "sock" || value === "sock_common_or_null");
  if (!code.hasContext || field === undefined) return false;
  code.code.load(8, R0, at(R6, field.offset)).jump(R0, "eq", 0, end);
  return true;
};

/** What is done with the result in r0. */
const useResult = (code: Lowering, helper: HelperPrototype, dst: Register, { check, leak }: Outcome): void => {
  const { kind } = helper.returns;
  if (kind === "scalar") code.code.mov(dst, R0);
  if (!kind.endsWith("_or_null")) return;
  const end = code.label();
  if (check) code.code.jump(R0, "eq", 0, end);
  code.code.load(4, dst, at(R0, 4));
  if (helper.acquires && !leak) {
    code.code.mov(R1, R0);
    code.callHelper(helper.returns.kind === "memory_or_null" ? "ringbuf_discard" : "sk_release");
  }
  code.code.label(end);
};

interface Outcome {
  readonly check: boolean;
  readonly leak: boolean;
}

/** A call of a helper that programs of this type may call. */
export const helperCall = (keep: (helper: HelperPrototype) => boolean): fc.Arbitrary<Snippet> => {
  const helpers = [...linux.helpers.values()].filter((helper) => !SPECIAL.has(helper.name) && keep(helper));
  return fc
    .record({
      helper: fc.nat({ max: 1000 }),
      any: chance(2),
      chosen: fc.tuple(choices(), choices(), choices(), choices(), choices()),
      slip: fc.option(fc.tuple(fc.nat({ max: 4 }), fc.constantFrom("number", "frame", "context", "none", "map")), {
        nil: undefined,
        freq: 12,
      }),
      socket: fc.boolean(),
      dst: live(),
      check: chance(95),
      leak: chance(5),
      initialised: chance(90),
    })
    .map(({ helper: index, any, chosen, slip, socket, dst, check, leak, initialised }) => (code) => {
      const available = helpers.filter(({ id }) => any || code.helper(id) !== undefined);
      if (available.length === 0) return;
      const { id } = available[index % available.length]!;
      const helper = code.helper(id) ?? linux.helpers.get(id)!;
      if (helper.arguments.some(({ kind }) => kind === "context") && !code.hasContext) return;
      if (initialised) {
        code.initialise(FRAME.first, 1);
        code.initialise(FRAME.second);
      }
      const end = code.label();
      const hasSocket = socket && helper.arguments.some(({ kind }) => kind === "socket") && loadSocket(code, end);
      helper.arguments.forEach((argument, position) => {
        const register = ARGUMENTS[position]!;
        if (slip?.[0] === position) giveWrong(code, register, slip[1]);
        else if (argument.kind === "socket" && hasSocket) code.code.mov(register, R0);
        else GIVE[argument.kind](code, register, chosen[position]!, helper);
      });
      code.code.call(id);
      useResult(code, helper, dst, { check, leak });
      code.code.label(end);
    });
};

const giveWrong = (code: Lowering, register: Register, what: "number" | "frame" | "context" | "none" | "map"): void => {
  if (what === "number") code.code.mov(register, 1);
  else if (what === "frame") code.code.mov(register, R10);
  else if (what === "context") code.code.mov(register, R6);
  else if (what === "map") code.loadMap(register, handleOf("array"));
};

/** A tail call to a program array that may be empty. */
export const tailCall = (): fc.Arbitrary<Snippet> =>
  fc.record({ index: fc.oneof(fc.nat({ max: 5 }), live()) }).map(({ index }) => (code) => {
    if (!code.hasContext || code.helper(12) === undefined) return;
    code.code.mov(R1, R6);
    code.loadMap(R2, handleOf("programs"));
    code.code.mov(R3, index).call(12);
  });

/** Writes a map through a helper, with memory from the stack. */
export const mapUpdate = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      name: fc.constantFrom("map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem", "map_peek_elem"),
      map: fc.nat({ max: 30 }),
      key: fc.oneof(fc.nat({ max: 5 }), live()),
      value: live(),
      flags: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, 0, 1, 2) }, { weight: 1, arbitrary: constant32() }),
      dst: live(),
    })
    .map(({ name, map, key, value, flags, dst }) => (code) => {
      const handles = [...FUZZ_MAPS].filter(
        ([, { type, name: map }]) =>
          linux.mapTypes[type]!.helpers.includes(name) && !linux.mapTypes[type]!.sockets && map !== "constants",
      );
      const [handle, spec] = handles[map % handles.length]!;
      code.initialise(FRAME.first);
      code.initialise(FRAME.second, 9);
      code.code.store(8, at(R10, FRAME.first), key).store(8, at(R10, FRAME.second), value);
      code.loadMap(R1, handle);
      code.loadFrameAddress(R2, spec.keySize === 0 ? FRAME.second : FRAME.first);
      if (name === "map_push_elem") code.code.mov(R3, flags);
      else if (name === "map_update_elem") code.loadFrameAddress(R3, FRAME.second);
      code.code.mov(R4, flags);
      if (!code.callHelper(name)) return;
      code.code.mov(dst, R0);
      // What a helper may have written must not be taken for what was there before.
      code.code.load(8, dst, at(R10, FRAME.second));
    });
