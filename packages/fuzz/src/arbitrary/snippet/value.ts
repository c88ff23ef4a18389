import { at, R0, R1, R2, R3, R4, R5, R6, R10, type Register } from "@ebpf/asm";
import fc from "fast-check";
import { constant32 } from "../constant.js";
import { AREA, FRAME, type Lowering } from "../lowering.js";
import { handleOf } from "../maps.js";

/*
 * Values of every kind that a register can have: numbers about which this and that is known, and pointers of all kinds,
 * among them those that may be NULL. Where a program of its type can't have a value, the register keeps what it has.
 */

/** Which value of a kind it is. */
interface Choice {
  /** One of several ways, at least 0. */
  readonly which: number;
  /** An immediate. */
  readonly imm: number;
}

/** A value to give. */
export interface Value extends Choice {
  readonly kind: string;
}

type Give = (code: Lowering, dst: Register, choice: Choice) => void;

const unknown: Give = (code, dst, { which }) => {
  code.loadMapValue(R1, handleOf("single"), 0);
  code.load([1, 2, 4, 8][which & 3] as 1 | 2 | 4 | 8, dst, at(R1, which & 56), (which & 4) !== 0);
};

/** A number in 64 bits, of which everything is unknown. */
const anything: Give = (code, dst) => {
  code.loadMapValue(R1, handleOf("single"), 0);
  code.code.load(8, dst, at(R1));
};

const lookUp =
  (...maps: readonly string[]): Give =>
  (code, dst, { which }) => {
    code.code.store(8, at(R10, FRAME.first), which & 3);
    code.loadMap(R1, handleOf(maps[which % maps.length]!));
    code.loadFrameAddress(R2, FRAME.first);
    if (code.callHelper("map_lookup_elem")) code.code.mov(dst, R0);
  };

const whereNotNull =
  (give: Give): Give =>
  (code, dst, choice) => {
    give(code, dst, choice);
    code.code.jump(dst, "eq", 0, code.out);
  };

const mapValue = lookUp("array", "hash", "cpu_array", "bytes", "wide_hash", "lru", "read_only", "write_only");

const record: Give = (code, dst, { which }) => {
  code.loadMap(R1, handleOf("ring"));
  code.code.mov(R2, 8 + (which & 24)).mov(R3, 0);
  if (code.callHelper("ringbuf_reserve")) code.code.mov(dst, R0);
};

/** A dynptr over map memory, at the second area of the frame; its bytes. */
const slice: Give = (code, dst, { which }) => {
  code.loadMapValue(R1, handleOf("single"), 0);
  code.code.mov(R2, AREA).mov(R3, 0);
  code.loadFrameAddress(R4, FRAME.second);
  if (!code.callHelper("dynptr_from_mem")) return;
  code.loadFrameAddress(R1, FRAME.second);
  code.code.mov(R2, which & 8).mov(R3, 8);
  if (code.callHelper("dynptr_data")) code.code.mov(dst, R0);
};

/** A field of the context that holds no number. */
const contextObject: Give = (code, dst, { which }) => {
  const fields = code.rules.context.fields.filter(({ value }) => value !== "scalar");
  const field = fields[which % Math.max(1, fields.length)];
  if (field === undefined || !code.hasContext) return;
  code.code.load(field.access, dst, at(R6, field.offset));
};

const socket: Give = (code, dst, { which }) => {
  if (!code.hasContext) return;
  code.initialise(FRAME.first);
  code.code.mov(R1, R6);
  code.loadFrameAddress(R2, FRAME.first);
  code.code.mov(R3, 12).mov(R4, -1).mov(R5, 0);
  const look = ["sk_lookup_tcp", "skc_lookup_tcp", "sk_lookup_udp"][which % 3]!;
  if (code.callHelper(look)) code.code.mov(dst, R0);
};

/** The socket that a socket is another view of. */
const otherSocket: Give = (code, dst, { which }) => {
  const fields = code.rules.context.fields.filter(({ value }) => value.startsWith("sock"));
  const field = fields[which % Math.max(1, fields.length)];
  if (field === undefined || !code.hasContext) return;
  code.code.load(field.access, R1, at(R6, field.offset)).jump(R1, "eq", 0, code.out);
  if (code.callHelper(["sk_fullsock", "tcp_sock", "get_listener_sock"][which % 3]!)) code.code.mov(dst, R0);
};

const VALUES: Readonly<Record<string, Give>> = {
  constant: ({ code }, dst, { imm }) => code.mov(dst, imm),
  unknown,
  anything,
  masked: (code, dst, choice) => {
    anything(code, dst, choice);
    code.code.alu("and", dst, choice.imm);
  },
  narrow: (code, dst, choice) => {
    anything(code, dst, choice);
    code.code.alu32("and", dst, choice.imm);
  },
  limited: (code, dst, choice) => {
    anything(code, dst, choice);
    code.code.jump(dst, (["gt", "lt", "sgt", "slt"] as const)[choice.which & 3]!, choice.imm, code.out);
  },
  limited32: (code, dst, choice) => {
    anything(code, dst, choice);
    code.code.jump32(dst, (["gt", "lt", "sgt", "slt"] as const)[choice.which & 3]!, choice.imm, code.out);
  },
  frame: (code, dst, { which }) => code.loadFrameAddress(dst, FRAME.first + (which & 31)),
  context: ({ code }, dst) => code.mov(dst, R6),
  map: (code, dst, { which }) => code.loadMap(dst, handleOf(["array", "hash", "ring", "arrays", "single"][which % 5]!)),
  direct: (code, dst, { which }) =>
    code.loadMapValue(dst, handleOf(["single", "constants", "read_only", "write_only"][which & 3]!), which & 12),
  mapValue: whereNotNull(mapValue),
  mapValueOrNull: mapValue,
  innerMap: lookUp("arrays", "hashes"),
  record,
  recordThere: whereNotNull(record),
  slice: whereNotNull(slice),
  sliceOrNull: slice,
  contextObject,
  socket,
  otherSocket,
};

/** Values of every kind. */
export const values = (): fc.Arbitrary<Value> =>
  fc.record({ kind: fc.constantFrom(...Object.keys(VALUES)), which: fc.nat({ max: 255 }), imm: constant32() });

/** Puts a value into a register. */
export const giveValue = (code: Lowering, dst: Register, { kind, ...choice }: Value): void =>
  VALUES[kind]!(code, dst, choice);
