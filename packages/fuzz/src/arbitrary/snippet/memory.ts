import { at, R0, R1, R2, R3, R6, R10, type Register } from "@ebpf/asm";
import type { ContextField } from "@ebpf/platform";
import fc from "fast-check";
import { chance, constant32 } from "../constant.js";
import { FRAME, type Lowering, type Snippet } from "../lowering.js";
import { FUZZ_MAPS, handleOf } from "../maps.js";
import { type Access, access, addToR3, bytesOf, emitAccess, slip, sum } from "./access.js";
import { type Bound, bound, boundedInR1 } from "./bound.js";
import { live, sizes } from "./number.js";

/** How a program checks a pointer that may be NULL. */
type NullCheck = "eq" | "ne" | "eq32" | "none" | "late";

const nullCheck = (): fc.Arbitrary<NullCheck> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom<NullCheck>("eq", "ne") },
    { weight: 1, arbitrary: fc.constantFrom<NullCheck>("eq32", "none", "late") },
  );

/** Runs `use` where r0 isn't NULL. */
const whereNotNull = (code: Lowering, check: NullCheck, use: () => void): void => {
  const end = code.label();
  const inside = code.label();
  if (check === "eq") code.code.jump(R0, "eq", 0, end);
  else if (check === "eq32") code.code.jump32(R0, "eq", 0, end);
  else if (check === "ne") code.code.jump(R0, "ne", 0, inside).goto(end).label(inside);
  use();
  if (check === "late") code.code.jump(R0, "eq", 0, end);
  code.code.label(end);
};

/** Either a fixed offset or a bounded number is added to the pointer in r3 before the access. */
interface Place {
  readonly what: Access;
  readonly variable: boolean;
  readonly limit: Bound;
  readonly how: "pointer" | "number" | "minus" | "scaled";
  readonly fixed: number;
  readonly by: number;
}

const place = (): fc.Arbitrary<Place> =>
  fc.record({
    what: access(),
    variable: chance(60),
    limit: bound(),
    how: sum(),
    fixed: fc.nat({ max: 24 }),
    by: slip(),
  });

/** Accesses memory of `size` bytes that r3 points to. */
const accessR3 = (code: Lowering, { what, variable, limit, how, fixed, by }: Place, size: number): void => {
  const room = Math.max(0, size - bytesOf(what));
  const offset = Math.min(fixed, room);
  if (!variable) {
    emitAccess(code, what, R3, offset - (offset % bytesOf(what)) + by);
    return;
  }
  boundedInR1(code, limit, room - offset, bytesOf(what));
  addToR3(how)(code);
  emitAccess(code, what, R3, offset + by);
};

/** Maps that a program can look up without more ado. */
const LOOKUPS = [
  "array",
  "bytes",
  "hash",
  "wide_hash",
  "odd_hash",
  "lru",
  "cpu_array",
  "cpu_hash",
  "trie",
  "read_only",
  "write_only",
];

const keyed = (): fc.Arbitrary<number> => fc.constantFrom(...LOOKUPS.map(handleOf));

/** Looks a key up, checks the result, and accesses the value. */
export const lookup = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      map: keyed(),
      key: fc.nat({ max: 5 }),
      unknownKey: fc.option(live(), { nil: undefined, freq: 3 }),
      check: nullCheck(),
      where: place(),
      again: chance(10),
    })
    .map(({ map, key, unknownKey, check, where, again }) => (code) => {
      code.code.store(8, at(R10, FRAME.first), unknownKey ?? key);
      const find = (): void => {
        code.loadMap(R1, map);
        code.loadFrameAddress(R2, FRAME.first);
        code.callHelper("map_lookup_elem");
      };
      find();
      // A second look-up's result must not be taken for checked.
      if (again) {
        code.code.store(8, at(R10, FRAME.spill), R0);
        find();
      }
      whereNotNull(code, check, () => {
        if (again) code.code.load(8, R3, at(R10, FRAME.spill));
        else code.code.mov(R3, R0);
        accessR3(code, where, FUZZ_MAPS.get(map)!.valueSize);
      });
    });

/** Accesses the value of a map through its address. */
export const directValue = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      map: fc.constantFrom("single", "single", "constants", "read_only", "write_only"),
      where: place(),
      start: fc.nat({ max: 16 }),
    })
    .map(({ map, where, start }) => (code) => {
      const handle = handleOf(map);
      const { valueSize } = FUZZ_MAPS.get(handle)!;
      const offset = Math.min(start, valueSize - 1);
      code.loadMapValue(R3, handle, offset);
      accessR3(code, where, valueSize - offset);
    });

/** Reserves memory of a ring buffer, writes it, and gives it back. */
export const ringBuffer = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      size: fc.constantFrom(1, 8, 16, 24, 40, 4080),
      check: nullCheck(),
      where: place(),
      discard: fc.boolean(),
      leak: chance(4),
      moved: slip(),
    })
    .map(({ size, check, where, discard, leak, moved }) => (code) => {
      if (code.helper(131) === undefined) return;
      code.loadMap(R1, handleOf("ring"));
      code.code.mov(R2, size).mov(R3, 0);
      code.callHelper("ringbuf_reserve");
      whereNotNull(code, check, () => {
        code.code.store(8, at(R10, FRAME.spill), R0).mov(R3, R0);
        // Leaving the function here would leak the record, so numbers are bounded without.
        const form = ["and64", "and32", "mod64", "shift64", "shift32"].includes(where.limit.form)
          ? where.limit.form
          : "and64";
        accessR3(code, { ...where, limit: { ...where.limit, form } }, size);
        if (leak) return;
        code.code.load(8, R1, at(R10, FRAME.spill)).alu("add", R1, moved).mov(R2, 0);
        code.callHelper(discard ? "ringbuf_discard" : "ringbuf_submit");
      });
    });

type PacketCheck = (code: Lowering, pointer: Register, end: Register, out: string) => void;

/** Comparisons of a packet pointer with the packet's end; all but the last few leave the function in time. */
const PACKET_CHECKS: Readonly<Record<string, PacketCheck>> = {
  gt: ({ code }, p, end, out) => code.jump(p, "gt", end, out),
  ge: ({ code }, p, end, out) => code.jump(p, "ge", end, out),
  endLt: ({ code }, p, end, out) => code.jump(end, "lt", p, out),
  endLe: ({ code }, p, end, out) => code.jump(end, "le", p, out),
  le: (lowering, p, end, out) => inside(lowering, out, (label) => lowering.code.jump(p, "le", end, label)),
  lt: (lowering, p, end, out) => inside(lowering, out, (label) => lowering.code.jump(p, "lt", end, label)),
  endGe: (lowering, p, end, out) => inside(lowering, out, (label) => lowering.code.jump(end, "ge", p, label)),
  endGt: (lowering, p, end, out) => inside(lowering, out, (label) => lowering.code.jump(end, "gt", p, label)),
  eq: (lowering, p, end, out) => inside(lowering, out, (label) => lowering.code.jump(p, "eq", end, label)),
  wrong: ({ code }, p, end, out) => code.jump(p, "lt", end, out),
  signed: ({ code }, p, end, out) => code.jump(p, "sgt", end, out),
  narrow: ({ code }, p, end, out) => code.jump32(p, "gt", end, out),
  none: () => {},
};

const inside = (code: Lowering, out: string, jump: (label: string) => void): void => {
  const label = code.label();
  jump(label);
  code.code.goto(out).label(label);
};

const packetCheck = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom("gt", "ge", "endLt", "endLe", "le", "lt", "endGe", "endGt") },
    { weight: 1, arbitrary: fc.constantFrom("eq", "wrong", "signed", "narrow", "none") },
  );

const findField = (code: Lowering, value: ContextField["value"]): ContextField | undefined =>
  code.rules.context.fields.find((field) => field.value === value);

/** Reads or writes the packet behind a comparison with its end. */
export const packet = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      what: access(),
      check: packetCheck(),
      meta: chance(10),
      length: fc.constantFrom(1, 2, 8, 14, 20, 34, 54, 64),
      variable: chance(50),
      limit: bound(),
      most: fc.constantFrom(0, 7, 15, 60, 255, 0x7fff, 0xffff),
      back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 16 }) }),
      by: slip(),
    })
    .map(({ what, check, meta, length, variable, limit, most, back, by }) => (code) => {
      const data = findField(code, meta ? "packet_meta" : "packet");
      const end = findField(code, meta ? "packet" : "packet_end");
      if (!code.hasContext || data === undefined || end === undefined) return;
      code.code.load(data.access, R3, at(R6, data.offset));
      if (variable) {
        boundedInR1(code, limit, most);
        code.code.alu("add", R3, R1);
      }
      code.code.load(end.access, R2, at(R6, end.offset)).mov(R0, R3).alu("add", R0, length);
      PACKET_CHECKS[check]!(code, R0, R2, code.out);
      emitAccess(code, what, R3, Math.max(0, length - bytesOf(what) - back) + by);
    });

/** Legacy loads from the packet. */
export const legacyLoad = (): fc.Arbitrary<Snippet> =>
  fc
    .record({
      size: fc.constantFrom("b", "h", "w"),
      imm: fc.integer({ min: -4, max: 64 }),
      from: fc.option(live(), { nil: undefined }),
      dst: live(),
    })
    .map(({ size, imm, from, dst }) => (code) => {
      if (!code.hasContext || !code.rules.legacyPacketLoads) return;
      if (from === undefined) code.code.emit(`ld_abs_${size}`, { imm });
      else code.code.emit(`ld_ind_${size}`, { src: from.register, imm });
      code.code.mov(dst, R0);
    });

/** Loads or stores a field of the context, or something near it. */
export const contextAccess = (keep: (field: ContextField) => boolean): fc.Arbitrary<Snippet> =>
  fc
    .record({
      field: fc.nat({ max: 60 }),
      size: fc.option(sizes(), { nil: undefined, freq: 3 }),
      within: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 7 }) }),
      store: chance(30),
      number: fc.option(constant32(), { nil: undefined }),
      register: live(),
      signed: chance(10),
      moved: chance(10),
    })
    .map(({ field, size, within, store, number, register, signed, moved }) => (code) => {
      if (!code.hasContext) return;
      const fields = code.rules.context.fields.filter((row) => keep(row) && (row.writable || !store));
      const chosen = fields[field % Math.max(1, fields.length)];
      if (chosen === undefined) return;
      const bytes = size ?? chosen.access;
      const offset = chosen.offset + within - (within % bytes);
      code.code.mov(R3, R6);
      if (moved) code.code.alu("add", R3, offset);
      const target = at(R3, moved ? 0 : offset);
      if (store) code.code.store(bytes, target, number ?? register);
      else if (chosen.value === "scalar") code.load(bytes, register, target, signed);
      else code.load(bytes, R0, target, signed);
    });
