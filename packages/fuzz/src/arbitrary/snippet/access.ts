import { type AtomicOperation, at, OPERATIONS, R0, R1, R2, R3, type Register, type Size } from "@ebpf/asm";
import fc from "fast-check";
import { chance, constant32 } from "../constant.js";
import type { Lowering, Snippet } from "../lowering.js";
import { live, sizes } from "./number.js";

const ATOMICS = OPERATIONS.filter((op): op is AtomicOperation => op.family === "atomic");

/** One access to memory. */
export interface Access {
  readonly kind: "load" | "store" | "store_number" | "atomic";
  readonly size: Size;
  readonly signed: boolean;
  readonly register: Register;
  readonly number: number;
  readonly atomic: AtomicOperation;
}

export const access = (): fc.Arbitrary<Access> =>
  fc.record({
    kind: fc.constantFrom("load", "store", "store_number", "atomic"),
    size: sizes(),
    signed: fc.boolean(),
    register: live(),
    number: constant32(),
    atomic: fc.constantFrom(...ATOMICS),
  });

/** Bytes that the access touches. */
export const bytesOf = ({ kind, size, atomic }: Access): number => (kind === "atomic" ? atomic.size : size);

/** Accesses `offset` bytes behind a pointer. Atomic operations use a copy of the number, so that it stays. */
export const emitAccess = (code: Lowering, what: Access, base: Register, offset: number): void => {
  const { kind, size, signed, register, number, atomic } = what;
  switch (kind) {
    case "load":
      code.load(size, register, at(base, offset), signed);
      return;
    case "store":
      code.code.store(size, at(base, offset), register);
      return;
    case "store_number":
      code.code.store(size, at(base, offset), number);
      return;
    case "atomic":
      code.code.mov(R0, number);
      if (atomic.operator === "load_acquire") {
        code.code.emit(atomic.name, { dst: register.register, src: base.register, offset });
      } else code.code.emit(atomic.name, { dst: base.register, src: register.register, offset });
      return;
  }
};

/** How a pointer in r3 and a number in r1 become an address. */
export type Sum = "pointer" | "number" | "minus" | "scaled";

export const sum = (): fc.Arbitrary<Sum> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Sum>("pointer", "number") },
    { weight: 1, arbitrary: fc.constantFrom<Sum>("minus", "scaled") },
  );

/** Adds the number in r1 to the pointer in r3; the result is in r3. */
export const addToR3 =
  (how: Sum): Snippet =>
  ({ code }) => {
    if (how === "pointer") code.alu("add", R3, R1);
    else if (how === "minus") code.alu("sub", R3, R1);
    else if (how === "scaled") code.alu("lsh", R1, 1).alu("add", R3, R1);
    else code.mov(R2, R1).alu("add", R2, R3).mov(R3, R2);
  };

/** A slip of a few bytes, mostly none. */
export const slip = (): fc.Arbitrary<number> =>
  fc.tuple(chance(8), fc.integer({ min: -9, max: 9 })).map(([slips, by]) => (slips ? by : 0));
