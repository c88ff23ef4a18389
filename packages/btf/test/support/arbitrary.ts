import type { BtfType } from "@ebpf/btf";
import fc from "fast-check";

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
const u32 = fc.nat({ max: 0xffff_ffff });
const linkage = fc.constantFrom("static" as const, "global" as const, "extern" as const);

const member = (id: fc.Arbitrary<number>, bits: number) =>
  fc
    .record({ name: fc.option(name, { nil: "" }), type: id, bitOffset: fc.nat(bits), bitSize: fc.nat(32) })
    .filter(({ bitOffset, bitSize }) => bitOffset + bitSize <= bits);

/** Any type that refers to ids given by `id`. */
export const btfType = (id: fc.Arbitrary<number>): fc.Arbitrary<BtfType> =>
  fc.oneof(
    fc
      .record({
        kind: fc.constant("int" as const),
        name,
        size: fc.constantFrom(1, 2, 4, 8, 16),
        encoding: fc.constantFrom("none" as const, "signed" as const, "char" as const, "bool" as const),
        bitOffset: fc.nat(3),
      })
      .map((int) => ({ ...int, bits: 8 * int.size - int.bitOffset })),
    fc.record({
      kind: fc.constantFrom("ptr" as const, "volatile" as const, "const" as const, "restrict" as const),
      type: id,
    }),
    fc.record({ kind: fc.constant("array" as const), elementType: id, indexType: id, length: u32 }),
    fc.record({
      kind: fc.constant("struct" as const),
      name,
      size: fc.constant(64),
      members: fc.array(member(id, 512), { maxLength: 5 }),
    }),
    fc.record({
      kind: fc.constant("union" as const),
      name,
      size: fc.constant(8),
      members: fc.array(
        member(id, 64).map((m) => ({ ...m, bitOffset: 0 })),
        { maxLength: 5 },
      ),
    }),
    fc.record({
      kind: fc.constant("enum" as const),
      name,
      size: fc.constantFrom(1, 2, 4, 8),
      signed: fc.constant(true),
      values: fc.array(fc.record({ name, value: fc.integer() }), { maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant("enum64" as const),
      name,
      size: fc.constant(8),
      signed: fc.constant(false),
      values: fc.array(fc.record({ name, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }), { maxLength: 4 }),
    }),
    fc.record({
      kind: fc.constant("fwd" as const),
      name,
      target: fc.constantFrom("struct" as const, "union" as const),
    }),
    fc.record({ kind: fc.constant("typedef" as const), name, type: id }),
    fc.record({ kind: fc.constant("func" as const), name, type: id, linkage }),
    fc.record({
      kind: fc.constant("func_proto" as const),
      returnType: id,
      parameters: fc.array(fc.record({ name, type: id }), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant("var" as const), name, type: id, linkage }),
    fc.record({
      kind: fc.constant("datasec" as const),
      name,
      size: u32,
      variables: fc.array(fc.record({ type: id, offset: u32, size: u32 }), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant("float" as const), name, size: fc.constantFrom(2, 4, 8, 12, 16) }),
    fc.record({
      kind: fc.constant("decl_tag" as const),
      name,
      type: id,
      component: fc.integer({ min: -1, max: 20 }),
      attribute: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("type_tag" as const), name, type: id, attribute: fc.boolean() }),
  );

/** A list of types that refer to each other at will, circles included. */
export const btfTypes: fc.Arbitrary<BtfType[]> = fc
  .nat({ max: 30 })
  .chain((count) => fc.array(btfType(fc.nat({ max: count })), { minLength: count, maxLength: count }));
